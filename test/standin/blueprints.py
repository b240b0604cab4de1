"""The blueprints of the stand-in: a few of CARLA's, with what a client may set of them."""
from standin import scene

BOOL, INT, FLOAT, STRING, COLOR = 1, 2, 3, 4, 5
# type: (tag, half length, half width, half height in m, number of wheels, base type)
VEHICLES = {
    'vehicle.audi.tt': (scene.CAR, 2.1, 1.0, 0.7, 4, 'car'),
    'vehicle.bh.crossbike': (scene.BICYCLE, 0.8, 0.3, 0.5, 2, 'bicycle'),
    'vehicle.carlamotors.firetruck': (scene.TRUCK, 4.2, 1.4, 1.8, 4, 'truck'),
    'vehicle.mitsubishi.fusorosa': (scene.BUS, 5.1, 1.5, 2.1, 4, 'bus'),
    'vehicle.tesla.model3': (scene.CAR, 2.4, 1.1, 0.75, 4, 'car'),
    'vehicle.yamaha.yzf': (scene.MOTORCYCLE, 1.1, 0.4, 0.6, 2, 'motorcycle')}
WALKERS = tuple(f'walker.pedestrian.{number:04d}' for number in range(1, 6))


def _attribute(name, kind, value, recommended=(), modifiable=True):
    return [name, kind, value, list(recommended), modifiable, False]


def definitions():
    """List every blueprint in the form of the RPC get_actor_definitions."""
    camera = [_attribute('image_size_x', INT, '800'), _attribute('image_size_y', INT, '600'),
              _attribute('fov', FLOAT, '90.0'), _attribute('sensor_tick', FLOAT, '0.0'),
              _attribute('role_name', STRING, 'front'), _attribute('ros_name', STRING, ''),
              *(_attribute(f'lens_{name}', FLOAT, value) for name, value in (
                  ('circle_multiplier', '0.0'), ('k', '-1.0'), ('kcube', '0.0'),
                  ('x_size', '0.08'), ('y_size', '0.08')))]
    blur = [_attribute('motion_blur_intensity', FLOAT, '0.45'),
            _attribute('motion_blur_max_distortion', FLOAT, '0.35'),
            _attribute('chromatic_aberration_intensity', FLOAT, '0.0')]
    wanted = {'sensor.camera.rgb': camera + blur, 'sensor.camera.semantic_segmentation': camera,
              'controller.ai.walker': []}
    for name, (*_, wheels, base) in VEHICLES.items():
        wanted[name] = [_attribute('number_of_wheels', INT, str(wheels), modifiable=False),
                        _attribute('base_type', STRING, base, modifiable=False),
                        _attribute('role_name', STRING, 'autopilot', ['autopilot', 'hero']),
                        _attribute('color', COLOR, '160,20,20', ['160,20,20', '30,60,150'])]
    for name in WALKERS:
        wanted[name] = [_attribute('is_invincible', BOOL, 'true'),
                        _attribute('speed', FLOAT, '1.4', ['0.0', '1.4', '3.0']),
                        _attribute('role_name', STRING, 'pedestrian')]
    return [[number, name, name.replace('.', ','), attributes]
            for number, (name, attributes) in enumerate(wanted.items(), 1)]
