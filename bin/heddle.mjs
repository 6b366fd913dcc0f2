#!/usr/bin/env node
// Plain JavaScript, so that any Node can say or find what is needed.
import { existsSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)
const projectNode = new URL('../node_modules/node/bin/node', import.meta.url)

if (major > 24 || (major === 24 && minor >= 12)) {
  const source = new URL('../src/cli/main.ts', import.meta.url)
  await import(existsSync(source) ? source.href : '../dist/cli/main.js')
} else if (existsSync(projectNode)) {
  const { runOnProjectNode } = await import('../boot.mjs')
  await runOnProjectNode(process.argv.slice(1))
} else {
  console.error(`heddle needs Node 24.12 or newer; this is Node ${process.versions.node}. (In a clone of heddle: npm ci)`)
  process.exit(1)
}
