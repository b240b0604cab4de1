"""Files from anybody, read only if they have an end and are not too large."""


def read_file(path, most):
    """
    Return a file's bytes.

    Raise ValueError that names the path if it is not a file, has more than `most` bytes, or cannot
    be read.
    """
    try:
        # Not what has no end, such as a pipe, nor what is too large to be what it should be.
        if path.exists() and not path.is_file():
            raise ValueError(f'{path} is not a file')
        if (size := path.stat().st_size) > most:
            raise ValueError(f'{path} has {size} bytes, but at most {most} are read')
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {error.strerror}') from error
