"""The stand-in's streams: clients subscribe on a TCP port of their own; see wire.py."""
import socket
import struct
import threading

import numpy as np

from standin import wire

SEMANTIC = 'sensor.camera.semantic_segmentation'
NAMES = {'sensor.camera.rgb': 'rgb', SEMANTIC: 'semantic'}  # in faults


class Streams:
    """Who has subscribed to what; sends them pictures and the state of the world.

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
        self._send(wire.EPISODE_STREAM, wire.header(wire.WORLD_OBSERVER, world.frame, world.time,
                                                    [0.0] * 6) + state)

    def _send_picture(self, world, camera, rgb, tags):
        pixels = np.full((*tags.shape, 4), 255, np.uint8)
        if camera.kind == SEMANTIC:
            pixels[..., :2], pixels[..., 2] = 0, tags
        else:
            pixels[..., :3] = rgb[..., ::-1]
        fault = self._faults.now(NAMES[camera.kind])
        what = fault.what if fault else None
        if what == 'size':
            pixels = pixels[:, ::2]
        elif what == 'alien':
            pixels[0, 0, 2] = 77
        message = (wire.header(wire.SENSORS[camera.kind], world.frame, world.time,
                               camera.transform)
                   + wire.image(pixels, float(camera.attributes['fov'])))
        if what == 'short':
            message = message[:len(message) // 2]
        if what == 'delay':
            threading.Timer(fault.seconds, self._send, (camera.stream, message)).start()
        elif what == 'swap' and camera.stream not in self._held:
            self._held[camera.stream] = message
        elif what != 'drop':
            self._send(camera.stream, message)
            if camera.stream in self._held:
                self._send(camera.stream, self._held.pop(camera.stream))

    def _send(self, stream, message):
        for connection in list(self._subscribers.get(stream, ())):
            try:
                connection.sendall(struct.pack('<I', len(message)) + message)
            except OSError:  # gone
                self._subscribers[stream].remove(connection)
