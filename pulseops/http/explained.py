"""What each problem means and what mends it: the words of its page (`/problems/{code}`)."""

from collections.abc import Mapping

# code: what happened; what to do.
EXPLAINED: Mapping[str, tuple[str, str]] = {
    "malformed": (
        "The bytes are not a request that can be read: not HTTP, not UTF-8, or a body that is not JSON.",
        "Look at what your client really sends. `detail` and `errors` say where reading stopped.",
    ),
    "invalid-header": (
        "A header has a value that it cannot have, such as an `If-Match` that is no entity tag.",
        "`errors` names the header and what it takes.",
    ),
    "unauthenticated": (
        "No credential opened the door: there was none, or it is unknown, expired or revoked.",
        "Send `Authorization: Bearer pulseops_…`. An administrator makes keys with `POST /keys`.",
    ),
    "forbidden": (
        "You are known, and your role does not allow this. It is on record.",
        "`GET /whoami` tells your role and what it allows; an administrator gives keys and users another.",
    ),
    "no-access": (
        "The issuer vouches for you, but none of your groups gives you a role here, or you were revoked.",
        "Ask an administrator to grant you one: `POST /users/{name}/grant`.",
    ),
    "cross-site": (
        "A browser's session may change something only from this server's own pages.",
        "Programs use a key or a token instead of the cookie.",
    ),
    "sign-in-failed": (
        "You came back from the issuer too late, in another browser, or with a refusal.",
        "Begin again at `/login`.",
    ),
    "not-found": (
        "There is no such thing, or you may not see it: an incident of another team is not there for you.",
        "Check the id. `GET /whoami` tells which teams you see.",
    ),
    "method-not-allowed": (
        "There is such a resource, but it does not take this method.",
        "The `Allow` header lists those that it takes.",
    ),
    "request-timeout": (
        "The body did not arrive in time.",
        "Send it in one go. Nothing was stored.",
    ),
    "invalid-transition": (
        "What the incident is now does not allow this: `current` is its status.",
        "Read it anew, and decide whether you still want it. Nothing was stored.",
    ),
    "in-use": (
        "It is the owner of something, so that it cannot be retired.",
        "`detail` says of what: give that to another owner first.",
    ),
    "subscription-conflict": (
        "What the subscription or the parked stream is now does not allow this.",
        "`GET /subscriptions` tells how it stands.",
    ),
    "name-taken": (
        "Another key has this name.",
        "Take another name, or rotate the key that has it.",
    ),
    "last-admin": (
        "Without this key nobody could administer any more.",
        "Make another administrator's key first.",
    ),
    "ahead": (
        "The log has not come to that position: it may be another log, or an older copy of it.",
        "Begin anew without `Last-Event-ID`, or ask for no more than there is.",
    ),
    "contended": (
        "Others changed the same thing again and again while this tried to.",
        "Try again in a moment. Nothing was stored.",
    ),
    "version-conflict": (
        "`If-Match` or `If-None-Match` held a version that is no longer the newest.",
        "Read it anew, decide again, and send the new `ETag`. Nothing was stored.",
    ),
    "too-large": (
        "The body is larger than may be.",
        "Split it: a batch takes many incidents, and there may be many batches.",
    ),
    "unsupported-media-type": (
        "The content type is not one that this route reads.",
        "Send `Content-Type: application/json`.",
    ),
    "invalid-input": (
        "A field or a parameter is not acceptable.",
        "`errors` names each with a JSON pointer into the body, or the parameter, and what is wrong with it.",
    ),
    "too-broad": (
        "Counts are exact, and so many incidents are not counted.",
        "Narrow the question down, by `since` or `status` for example.",
    ),
    "idempotency-key-reused": (
        "This `Idempotency-Key` was used before, for another request.",
        "Take a new key for each new request, and the same one only to repeat the same.",
    ),
    "rate-limited": (
        "You asked more often than your key may.",
        "Wait as long as `Retry-After` says. `RateLimit-Policy` tells how much is allowed.",
    ),
    "head-too-large": (
        "The request line and the headers together are larger than may be.",
        "Send fewer or shorter headers, and put long filters into several requests.",
    ),
    "internal": (
        "This is a mistake of ours.",
        "Try again; if it stays, report it with the `correlationId`, by which the logs know it.",
    ),
    "tree-damaged": (
        "What the database holds is not what was sealed and signed, so that there is no proof to give.",
        "Tell an operator: `pulseops audit verify` names the first event that differs.",
    ),
    "behind": (
        "The read model has not come to `min_position` within the time that it was waited for.",
        "Ask again in a moment. If it stays so, `GET /subscriptions` tells whether a worker runs.",
    ),
    "not-signed-yet": (
        "It is recorded, and no checkpoint has it yet. Workers that have the key sign about once a second.",
        "Ask again in a moment. If it stays so, no worker has `PULSEOPS_AUDIT_KEY`: see `detail`.",
    ),
    "overloaded": (
        "More was waiting than can be answered in time, so this was refused at once. Nothing was stored.",
        "Come back after `Retry-After`.",
    ),
    "issuer-unavailable": (
        "The issuer of sign-ins does not answer, and without it nobody can be recognised. Keys still work.",
        "Come back after `Retry-After`.",
    ),
    "unavailable": (
        "The database does not answer. Nothing was stored.",
        "Come back after `Retry-After`. `GET /health/ready` tells what is missing.",
    ),
    "unknown-fact": (
        "A newer release wrote something that this process cannot read yet.",
        "Try again: another process may know it. Operators bring all processes to the same release.",
    ),
    "outcome-unknown": (
        "The connection to the database broke in between: it may be stored or not.",
        "Repeat the same request under the same `Idempotency-Key`: it is carried out once.",
    ),
}
