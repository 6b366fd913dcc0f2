/** Emits what is published into an empty `dist/`, so that nothing of an older build is shipped. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

process.chdir(new URL('..', import.meta.url).pathname)
rmSync('dist', { recursive: true, force: true })
process.exit(
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' }).status ?? 1,
)
