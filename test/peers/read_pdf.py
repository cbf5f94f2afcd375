"""Reads a PDF as any other program would: its words, its pages, its title and which fonts are inside."""

import json
import sys

import pypdf

reader = pypdf.PdfReader(sys.argv[1])
fonts = set()
for page in reader.pages:
    for font in page["/Resources"]["/Font"].values():
        inner = font.get_object()["/DescendantFonts"][0].get_object()
        embedded = any(key.startswith("/FontFile") for key in inner["/FontDescriptor"].get_object())
        fonts.add(f"{inner['/BaseFont']} {'embedded' if embedded else 'missing'}")
print(
    json.dumps(
        {
            "text": "\n".join(page.extract_text() for page in reader.pages),
            "pages": len(reader.pages),
            "title": reader.metadata.title,
            "fonts": sorted(fonts),
        }
    )
)
