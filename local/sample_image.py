"""Generates JPEG pictures in one colour, for the demo and the tests."""

from pathlib import Path

from PIL import Image

IMAGE_SIZE = (1080, 1080)  # pixels; square is allowed everywhere


def create_image(path: Path, *, colour: tuple[int, int, int] = (254, 44, 85)) -> Path:
    """Write a picture of the colour. Units: `colour` is red, green and blue from 0 to 255."""
    Image.new("RGB", IMAGE_SIZE, colour).save(path, "JPEG", quality=85)
    return path
