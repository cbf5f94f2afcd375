import { ellipseTool } from "./box.tool.ts"
import { brushTool, eraserTool } from "./brush.tool.ts"
import { linkTool } from "./link.tool.ts"
import { pathTool } from "./path.tool.ts"
import { pointTool } from "./point.tool.ts"
import type { Tools } from "./pointer.ts"
import { rotatedTool } from "./rotated.tool.ts"
import { segmentTool } from "./segment.tool.ts"

/** Everything beyond hand and box; loaded when somebody asks for it, not with the worker's first screen. */
export const drawingTools: Tools = {
  rotated: rotatedTool,
  ellipse: ellipseTool,
  polygon: pathTool,
  line: pathTool,
  point: pointTool,
  brush: brushTool,
  eraser: eraserTool,
  link: linkTool,
  segment: segmentTool,
}
