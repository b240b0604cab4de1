"""
A stand-in for a CARLA 0.9.16 server, for tests: the unmodified `carla` wheel connects to it.

It speaks CARLA's RPC and streams, moves vehicles as the traffic manager steers them, and renders a
street with exact labels. It can be told to misbehave.
"""
from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # train/ runs from the checkout
