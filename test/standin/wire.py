"""How CARLA 0.9.16 writes its streams and actors: little-endian, packed."""
import socket
import struct
import time

EPISODE_STREAM = 1
WORLD_OBSERVER = 17
SENSORS = {'sensor.camera.depth': 1, 'sensor.camera.rgb': 13,
           'sensor.camera.semantic_segmentation': 14}  # the type numbers of their messages
NO_BOUNDS = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def token(stream, port):
    """Return the 24 bytes that tell a client where a stream is: TCP, IPv4, this machine."""
    return struct.pack('<IHBB16s', stream, port, 1, 1, socket.inet_aton('127.0.0.1'))


def header(kind, frame, timestamp, transform):
    """Return the 48 bytes before every sensor message. transform: x y z pitch yaw roll."""
    return struct.pack('<QQd6f', kind, frame, timestamp, *transform)


def image(pixels, fov):
    """Return the body of a camera's message. pixels: uint8 (height, width, 4), B, G, R, A."""
    height, width = pixels.shape[:2]
    return struct.pack('<IIf', width, height, fov) + pixels.tobytes()


def world_state(episode, delta, actors):
    """Return the body of the world observer's message."""
    body = struct.pack('<Qdf3iI', episode, time.time(), delta, 0, 0, 0, 0)
    return body + b''.join(_actor_state(actor) for actor in actors)


def _actor_state(actor):
    own = b''
    if actor.kind.startswith('vehicle.'):  # control, speed limit, traffic light, failure
        own = struct.pack('<fff???ifB?IB', *actor.control[:3], False, False, False, 1,
                          actor.speed_limit, 2, False, 0, 0)
    active = 1
    return struct.pack('<IB6f9f', actor.id, active, *actor.transform, *actor.velocity,
                       *[0.0] * 6) + own.ljust(54, b'\0')


def actor(actor, port):
    """Return an actor's description as RPC sends it."""
    semantic_tags = bytes([actor.tag]) if actor.tag else b''
    stream = token(actor.stream, port) if actor.stream else b''
    return [actor.id, actor.parent, actor.description, actor.bounds, semantic_tags, stream]
