import { makeDemoFolder } from "../../../hub/demo/demo-folder.ts"

/** Makes a demo's folder, says where it is, and lives until it is ended. */
console.log(makeDemoFolder().path)
setInterval(() => {}, 1000)
