"""Archives as other programs make them, and as an attacker would."""
import struct, sys, zipfile, zlib
from pathlib import Path

root = Path(sys.argv[1])
label = b"0 0.5 0.5 0.25 0.5\n"

with zipfile.ZipFile(root / "korean.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("classes.txt", "scratch\n")
    z.writestr("labels/PLACE-0001.txt", label)
    z.writestr("images/PLACE-0001.png", Path(sys.argv[2]).read_bytes())
# A Korean Windows writes names in its own code page and does not say so.
name = "스크래치".encode("cp949")
data = (root / "korean.zip").read_bytes()
(root / "korean.zip").write_bytes(data.replace(b"PLACE-00", name))

with zipfile.ZipFile(root / "evil.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("classes.txt", "scratch\n")
    z.writestr("labels/good.txt", label)
    z.writestr("images/good.png", Path(sys.argv[2]).read_bytes())
    z.writestr("../escaped.txt", "out")
    z.writestr("/etc/passwd", "out")
    z.writestr("C:\\Windows\\evil.txt", "out")
    z.writestr("labels/../../up.txt", "out")
    z.writestr("labels/GOOD.txt", label)
    link = zipfile.ZipInfo("labels/link.txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    z.writestr(link, "/etc/passwd")
    z.writestr("labels/bomb.txt", b"\0" * (64 << 20))
    z.writestr("labels/packed.txt", label, compress_type=zipfile.ZIP_LZMA)
    z.writestr("labels/rotten.txt", b"1 2 3 4 5" * 20)
data = bytearray((root / "evil.zip").read_bytes())
# One byte of a file has rotted on the way.
at = data.rindex(b"labels/rotten.txt", 0, data.index(b"PK\x01\x02")) + len("labels/rotten.txt") + 4
data[at] ^= 0xFF
(root / "evil.zip").write_bytes(data)


def overlapping(count):
    """Many names for one file's bytes: a small archive that never ends."""
    body = zlib.compress(b"a" * 1000, 9)[2:-4]
    crc = zlib.crc32(b"a" * 1000)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0x21, crc, len(body), 1000, 5, 0) + b"a.txt" + body
    central = b"".join(
        struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0x21, crc, len(body), 1000, 9, 0, 0, 0, 0, 0, 0)
        + b"a%04d.txt" % i
        for i in range(count)
    )
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(central), len(local), 0)
    return local + central + end


(root / "overlap.zip").write_bytes(overlapping(50))
(root / "cut.zip").write_bytes((root / "korean.zip").read_bytes()[:-30])
