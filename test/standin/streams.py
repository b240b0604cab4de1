"""The stand-in's streams: clients subscribe on a TCP port of their own; see wire.py."""
import socket
import struct
import threading

import numpy as np
from standin import wire

SEMANTIC = 'sensor.camera.semantic_segmentation'
NAMES = {'sensor.camera.rgb': 'rgb', SEMANTIC: 'semantic'}  # in faults


class Streams:
    """
    Who has subscribed to what; sends them pictures and the state of the world.

    faults: faults.Faults. port: of the server that calls subscribe().
    """

    def __init__(self, faults):
        self.port = 0
        self._faults, self._subscribers, self._held = faults, {}, {}

    def subscribe(self, connection):
        """Take a client's connection, whose first four bytes say which stream it wants."""
        wanted = connection.recv(4, socket.MSG_WAITALL)
        if len(wanted) == 4:
            self._subscribers.setdefault(struct.unpack('<I', wanted)[0], []).append(connection)

    def send(self, world):
        """Send the newest frame: pictures first, then the state of the world."""
        seen = {}  # cameras of the same pose see the same
        for camera in [a for a in world.actors.values() if a.kind in NAMES]:
            if not self._subscribers.get(camera.stream):
                continue
            view = (*camera.transform, *(camera.attributes[name] for name in
                                         ('image_size_x', 'image_size_y', 'fov')))
            if view not in seen:
                seen[view] = world.look(camera)
            self._send_picture(world, camera, *seen[view])
        state = wire.world_state(world.episode, world.delta, world.actors.values())
        header = wire.header(wire.WORLD_OBSERVER, world.frame, world.time, [0.0] * 6)
        self._send_by(self._faults.now('state'), wire.EPISODE_STREAM, header + state)

    def _send_picture(self, world, camera, rgb, tags):
        pixels = np.full((*tags.shape, 4), 255, np.uint8)
        if camera.kind == SEMANTIC:
            pixels[..., :2], pixels[..., 2] = 0, tags
        else:
            pixels[..., :3] = rgb[..., ::-1]
        fault = self._faults.now(NAMES[camera.kind])
        if fault and fault.what == 'size':
            pixels = pixels[:, ::2]
        elif fault and fault.what == 'alien':
            pixels[0, 0, 2] = 77
        header = wire.header(wire.SENSORS[camera.kind], world.frame, world.time, camera.transform)
        self._send_by(fault, camera.stream,
                      header + wire.image(pixels, float(camera.attributes['fov'])))

    def _send_by(self, fault, stream, message):
        """Send a message, or do with it what a fault says."""
        what = fault.what if fault else None
        if what == 'delay':
            threading.Timer(fault.seconds, self._send, (stream, message)).start()
        elif what == 'swap' and stream not in self._held:
            self._held[stream] = message
        elif what == 'cut':
            for connection in self._subscribers.pop(stream):
                connection.shutdown(socket.SHUT_RDWR)
        elif what != 'drop':
            self._send(stream, message[:len(message) // 2] if what == 'short' else message)
            if stream in self._held:
                self._send(stream, self._held.pop(stream))

    def _send(self, stream, message):
        for connection in list(self._subscribers.get(stream, ())):
            try:
                connection.sendall(struct.pack('<I', len(message)) + message)
            except OSError:  # gone
                self._subscribers[stream].remove(connection)
