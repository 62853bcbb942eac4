"""What is between a program and PostgreSQL. The first API and worker are spared, the second are not."""

from tests.faults.fault import Fault, Scene, for_a_while


def held(scene: Scene) -> None:
    """Packets are dropped for longer than anybody waits: what was given up may be stored later."""
    for wire in scene.stack.wires:
        wire.hold()
    try:
        scene.load.await_doubtful(1)
    finally:
        for wire in scene.stack.wires:
            scene.stack.exchange.call(wire.release)


def shortly_held(scene: Scene) -> None:
    for wire in scene.stack.wires:
        wire.hold()
    try:
        scene.load.pause(scene.random.uniform(0.3, 1.5))
    finally:
        for wire in scene.stack.wires:
            scene.stack.exchange.call(wire.release)


def cut(scene: Scene) -> None:
    exchange = scene.stack.exchange
    for wire in scene.stack.wires:
        exchange.do(wire.cut())
    try:
        scene.load.pause(scene.random.uniform(0.2, 1.5))
    finally:
        for wire in scene.stack.wires:
            exchange.do(wire.mend())


def answers_lost(scene: Scene) -> None:
    """What was asked is done, the answer never comes, and the connection is gone. Again and again."""
    for _ in range(8):
        scene.stack.exchange.call(scene.random.choice(scene.stack.wires).lose_answers)
        for_a_while(scene, scene.random.randint(2, 10))


def deaf(scene: Scene) -> None:
    """What is sent arrives, and nothing comes back, until somebody was told that nobody knows."""
    wire = scene.stack.wires[0]
    wire.deaf = True
    try:
        scene.load.await_doubtful(1)
    finally:
        scene.stack.exchange.do(wire.cut())
        wire.deaf = False
        scene.stack.exchange.do(wire.mend())


def slow(scene: Scene) -> None:
    for wire in scene.stack.wires:
        wire.delay = 0.1
    try:
        for_a_while(scene, 30, within=60)
    finally:
        for wire in scene.stack.wires:
            wire.delay = 0.0


NETWORKS = (
    Fault(name="network cut, connections reset", strike=cut),
    Fault(name="network silent for a moment", strike=shortly_held),
    Fault(name="network silent past every patience", strike=held, quick=False),
    Fault(name="answers lost after the commit", strike=answers_lost),
    Fault(name="only answers lost, for seconds", strike=deaf, quick=False),
    Fault(name="network slow", strike=slow, quick=False),
)
