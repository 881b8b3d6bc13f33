"""Makes a thumbnail of the PNG in the event, with nothing but Python's standard library.

Python has no JPEG in its library, but it has zlib, which is most of a PNG. Read are PNGs with 8 bits a channel that are
not interlaced (grey, grey with alpha, RGB, RGBA, palette); written is RGB or RGBA. Each pixel of the thumbnail is the
mean of those it stands for.
"""

import base64
import logging
import struct
import zlib

log = logging.getLogger()
log.setLevel(logging.INFO)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS_MAX = 4_000_000
# PNG colour type -> bytes a pixel
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def handler(event, context):
    """{"image": base64, "width": pixels} -> {"image": base64 of a PNG, "format", "width", "height", "original"}"""
    width, height, channels, pixels = read_png(base64.b64decode(event["image"]))
    target_width = min(width, max(1, int(event.get("width", 160))))
    target_height = max(1, round(height * target_width / width))
    small = shrink(pixels, (width, height), (target_width, target_height), channels)
    image = write_png(small, target_width, target_height, channels)
    log.info("png %dx%d -> png %dx%d, %d bytes", width, height, target_width, target_height, len(image))
    return {
        "image": base64.b64encode(image).decode(),
        "format": "png",
        "width": target_width,
        "height": target_height,
        "original": {"format": "png", "width": width, "height": height},
    }


def read_png(data):
    """Width, height, channels (3 or 4), and the rows as lists of samples."""
    if not data.startswith(SIGNATURE):
        raise ValueError("not a PNG")
    parts = dict(IDAT=b"", PLTE=b"", tRNS=b"")
    header = None
    for kind, body in chunks(data):
        if kind == "IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind in parts:
            parts[kind] += body
    if header is None:
        raise ValueError("a PNG without a header")
    width, height, depth, color, _, _, interlaced = header
    if depth != 8 or interlaced or color not in CHANNELS:
        raise ValueError("only PNGs with 8 bits a channel that are not interlaced")
    if width * height > PIXELS_MAX:
        raise ValueError("more than %d pixels" % PIXELS_MAX)
    channels = CHANNELS[color]
    size = height * (width * channels + 1)
    raw = zlib.decompressobj().decompress(parts["IDAT"], size)
    if len(raw) < size:
        raise ValueError("the PNG is cut off")
    rows = unfilter(raw, width * channels, height, channels)
    return (width, height, *in_color(rows, color, parts["PLTE"], parts["tRNS"]))


def chunks(data):
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8].decode("latin-1"), data[at + 8 : at + 8 + length]
        at += 12 + length


def unfilter(raw, stride, height, step):
    """Undoes the five filters of PNG, row by row."""
    rows = []
    above = bytes(stride)
    for y in range(height):
        begin = y * (stride + 1)
        kind = raw[begin]
        row = bytearray(raw[begin + 1 : begin + 1 + stride])
        if kind == 1:
            for x in range(step, stride):
                row[x] = (row[x] + row[x - step]) & 255
        elif kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, above))
        elif kind == 3:
            for x in range(stride):
                left = row[x - step] if x >= step else 0
                row[x] = (row[x] + (left + above[x]) // 2) & 255
        elif kind == 4:
            for x in range(stride):
                left, corner = (row[x - step], above[x - step]) if x >= step else (0, 0)
                row[x] = (row[x] + paeth(left, above[x], corner)) & 255
        elif kind != 0:
            raise ValueError("unknown filter %d" % kind)
        rows.append(row)
        above = row
    return rows


def paeth(left, up, corner):
    guess = left + up - corner
    distances = abs(guess - left), abs(guess - up), abs(guess - corner)
    return (left, up, corner)[distances.index(min(distances))]


def in_color(rows, color, palette, alpha):
    """Channels and rows as RGB or RGBA."""
    if color in (2, 6):
        return CHANNELS[color], rows
    if color == 3:
        colors = [bytes(palette[3 * i : 3 * i + 3]) for i in range(len(palette) // 3)]
        if alpha:
            colors = [c + (alpha[i : i + 1] or b"\xff") for i, c in enumerate(colors)]
        return (4 if alpha else 3), [b"".join([colors[sample] for sample in row]) for row in rows]
    if color == 0:
        return 3, [bytes(sample for sample in row for _ in range(3)) for row in rows]
    return 4, [b"".join(bytes([row[i]] * 3 + [row[i + 1]]) for i in range(0, len(row), 2)) for row in rows]


def shrink(rows, size, target, channels):
    """The mean of each box of pixels, without alpha being weighed."""
    columns = [spans(size[0], target[0], x) for x in range(target[0])]
    result = []
    for y in range(target[1]):
        top, bottom = spans(size[1], target[1], y)
        # Sums of the columns first: each pixel is looked at once.
        sums = [sum(samples) for samples in zip(*rows[top:bottom])]
        line = bytearray()
        for left, right in columns:
            count = (right - left) * (bottom - top)
            for channel in range(channels):
                line.append(sum(sums[left * channels + channel : right * channels : channels]) // count)
        result.append(line)
    return result


def spans(size, target, index):
    begin = index * size // target
    return begin, max(begin + 1, (index + 1) * size // target)


def write_png(rows, width, height, channels):
    color = 2 if channels == 3 else 6
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
