/** `npm run build`: dist/busbar.mjs, the one file that bin/busbar runs. */
import { build } from './support/bundle.mjs'

await build()
