"""
The package of PyTorch on the index is built for CUDA and does not load without 3 GB of NVIDIA's libraries. On a machine
without a GPU none of them is ever called, so tests put empty ones in their place: every function answers "no device".

    python without_cuda.py SITE_PACKAGES
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

NO_DEVICE = 100
OURS = re.compile(r"lib(cu|nv|nccl)[A-Za-z]*[^/]*\.so\.\d+$")


def told(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(site: Path) -> None:
    folder = site / "torch" / "lib"
    libraries = [str(path) for path in folder.glob("lib*.so") if path.stat().st_size > 1000]
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", told("readelf", "-dW", *libraries)))
    missing = sorted(name for name in needed if OURS.fullmatch(name) and not (folder / name).exists())
    names = set(re.findall(r"\sUND\s+(_*(?:cu|nv|nccl)\w+)", told("readelf", "-W", "--dyn-syms", *libraries)))
    texts = {name for name in names if name.endswith(("GetErrorString", "GetErrorName"))}
    lines = [f"long {name}(void) {{ return {NO_DEVICE}; }}" for name in sorted(names - texts)]
    lines += [f'const char *{name}(int code) {{ return "there is no CUDA here"; }}' for name in sorted(texts)]
    # Symbols are asked for by the version of their library, where it has versions.
    versioned = set(re.findall(r"Name: (lib\S+\.so\.\d+)\s", told("readelf", "-VW", *libraries)))
    with tempfile.TemporaryDirectory() as work:
        source, compiled, script = (Path(work) / name for name in ("none.c", "none.o", "none.map"))
        source.write_text("\n".join(lines))
        told("cc", "-w", "-fno-builtin", "-fPIC", "-c", "-o", str(compiled), str(source))
        for name in missing:
            script.write_text(f"{name} {{ global: *; }};")
            more = [f"-Wl,--version-script={script}"] if name in versioned else []
            told("cc", "-shared", f"-Wl,-soname,{name}", *more, "-o", str(folder / name), str(compiled))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
