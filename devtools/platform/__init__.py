"""Everything around bootstrap that `up` of examples/stonks-oracle/platform.yaml needs, on a machine without a cluster.

with PlatformWorld.start(folder) as world:
world.command("plan")                          the real command line, with real Helm, as a child process
with world.open(options=Options()) as run:     the same in this process
run.engine.up()
world.writer.hold("Stage")                     the controllers that are played can be told what to say
"""
