"""Declare the node's parameters to ROS 2, and describe them to people."""
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from unet_perception.parameters import fields, FIXED, GROUP, GROUPS, NAMES, Parameters


def describe():
    """Return a line on each parameter, for --help."""
    lines = []
    for field in fields():
        value = list(field.default) if isinstance(field.default, tuple) else field.default
        choices = field.metadata['choices']
        lines.append(f'    {field.name} ({value}): {field.metadata["description"]}'
                     + (f': {", ".join(choices)}' if choices else ''))
    lines += [f'    {GROUP}{name} ({list(classes)}): Classes of segmentation/{name}'
              for name, classes in GROUPS.items()]
    return '\n'.join(lines)


def unknown_to(node):
    """Return the names that a node was given parameters of, but that are nobody's."""
    # rclpy's own: a clock, a service, and QoS by topic.
    others = ('use_sim_time', 'start_type_description_service')
    return [name for name in node.get_parameters_by_prefix('') if name not in (*NAMES, *others)
            and not name.startswith((GROUP, 'qos_overrides.'))]


def declare(node):
    """
    Declare all parameters of a node that declared those it was given; return their Parameters.

    The node's others must have been declared before. Raise ValueError on a value that does not
    fit, rclpy's ParameterException on a type or range that does not.
    """
    values = {}
    for field in fields():
        # The node has declared what it was given, but does not know of types and ranges yet.
        if node.has_parameter(field.name):
            if node.get_parameter(field.name).value is None:
                raise ValueError(f'{field.name} has no value that ROS can tell the type of, as an '
                                 f'empty list; leave it out for {list(field.default)}'
                                 if isinstance(field.default, tuple) else
                                 f'{field.name} has no value; leave it out for {field.default}')
            node.undeclare_parameter(field.name)
        default = field.default
        values[field.name] = node.declare_parameter(
            field.name, list(default) if isinstance(default, tuple) else default,
            _descriptor(field)).value
    given = node.get_parameters_by_prefix('groups')  # they stand in for the default ones
    values.update({GROUP + name: None for name in GROUPS})
    for name in given or GROUPS:
        if given:
            node.undeclare_parameter(GROUP + name)
        values[GROUP + name] = node.declare_parameter(
            GROUP + name, list(GROUPS.get(name, ())), ParameterDescriptor(
                dynamic_typing=True, description=f'Classes of segmentation/{name}')).value
    return Parameters().changed(values)


def _descriptor(field):
    descriptor = ParameterDescriptor(description=field.metadata['description'])
    constraints = [f'one of {", ".join(field.metadata["choices"])}'] * bool(
        field.metadata['choices'])
    constraints += ['fixed while the node is configured'] * (field.name in FIXED)
    descriptor.additional_constraints = '; '.join(constraints)
    if field.metadata['range']:
        least, most = field.metadata['range']
        if isinstance(field.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(least), to_value=float(most))]
        else:
            descriptor.integer_range = [IntegerRange(from_value=least, to_value=most, step=1)]
    return descriptor
