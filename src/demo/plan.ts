/** The plan of the demonstration: five tasks for the sample project, with the steps that the scripted agent plays. */
import { HALF_DONE, SOURCES, TESTS, USAGE, type ModuleName } from './plan-files.ts'
import { writeSteps, type Step } from './script.ts'

interface DemoTask {
  readonly name: string
  /** The first line of the prompt, which becomes the title of Heddle's commit. */
  readonly title: string
  readonly goal: string
  readonly acceptance: string
  readonly touches: readonly string[]
  readonly needs: readonly string[]
  /** The steps of each turn that the agent is asked. */
  readonly turns: readonly (readonly Step[])[]
}

/** Three that need nothing, one that needs two of them, and one that needs all: those two through `summary`. */
export const DEMO_TASKS: readonly DemoTask[] = [
  {
    name: 'slugify',
    title: 'Turn names into slugs',
    goal: 'Write slugify(text) in src/slugify.js: a name that is safe in a URL or an option.',
    acceptance: 'Accents are dropped; whatever else is no letter or digit becomes one hyphen.',
    touches: touchModule('slugify'),
    needs: [],
    turns: [
      [
        { think: 'Accented letters first come apart, so that only their marks need to go.' },
        ...writeModule('slugify', 1600),
        { commit: 'Turn names into slugs' },
        { say: 'slugify is there, with its test.' },
      ],
    ],
  },
  {
    name: 'parse-duration',
    title: 'Read durations',
    goal: 'Write parseDuration(text) in src/parse-duration.js: the minutes in texts such as 45m, 2h or 1h 30m.',
    acceptance: 'Hours, minutes, and both together are read; anything else is an error that quotes it.',
    touches: touchModule('parse-duration'),
    needs: [],
    turns: [
      [
        { sleep: 700 },
        { write: { path: 'src/parse-duration.js', content: HALF_DONE.content } },
        { write: { path: 'test/parse-duration.test.js', content: TESTS['parse-duration'] } },
        { sleep: 500 },
        { say: 'parseDuration is there. I did not run its test.' },
      ],
      [
        { think: 'My pattern takes hours or minutes, but not both.' },
        { sleep: 600 },
        { edit: { path: 'src/parse-duration.js', old: HALF_DONE.old, new: HALF_DONE.new } },
        { run: 'node --test test/parse-duration.test.js' },
        { commit: 'Read hours and minutes together' },
        { say: 'It reads hours and minutes together now.' },
      ],
    ],
  },
  {
    name: 'format-table',
    title: 'Write tables',
    goal: 'Write formatTable(rows) in src/format-table.js: rows as lines of text whose columns line up.',
    acceptance: 'Numbers line up on the right, texts on the left; no line ends in a space.',
    touches: touchModule('format-table'),
    needs: [],
    turns: [[...writeModule('format-table', 2000), { say: 'formatTable is there, with its test.' }]],
  },
  {
    name: 'summary',
    title: 'Sum up the time of each project',
    goal: 'Write summarize(entries) in src/summary.js: a table of the minutes that each project took, with the total.',
    acceptance: 'Uses parseDuration and formatTable; the project that took most comes first.',
    touches: touchModule('summary'),
    needs: ['parse-duration', 'format-table'],
    turns: [[...writeModule('summary', 1400), { say: 'summarize puts the two modules together.' }]],
  },
  {
    name: 'cli',
    title: 'Add the command line',
    goal: 'Write index.js: node index.js FILE [PROJECT] prints the summary, of one project if its slug is given.',
    acceptance: 'A test runs the real command; the README shows how to use it.',
    touches: ['index.js', 'test/index.test.js', 'README.md'],
    needs: ['slugify', 'summary'],
    turns: [
      [
        { sleep: 500 },
        { write: { path: 'index.js', content: SOURCES.index } },
        { write: { path: 'test/index.test.js', content: TESTS.index } },
        { sleep: 500 },
        { edit: { path: 'README.md', old: USAGE.old, new: USAGE.new } },
        { run: 'node index.js example.txt' },
        { say: 'The command line works, and the README shows it.' },
      ],
    ],
  },
]

/** The plan as the text of a plan file. */
export function writePlan(): string {
  return `# The plan of Heddle's demonstration. The steps are for the scripted agent; a real one needs only the words.\ntasks:\n${DEMO_TASKS.map(writeTask).join('\n')}`
}

function writeTask(task: DemoTask): string {
  // JSON is YAML, so that lists and texts need no quoting rules of ours.
  const fields = [
    `- name: ${task.name}`,
    '  prompt: |',
    ...[task.title, '', task.goal, '', ...task.turns.map(writeSteps)]
      .join('\n')
      .split('\n')
      .map((line) => `    ${line}`.trimEnd()),
    `  acceptance: [${JSON.stringify(task.acceptance)}]`,
    `  touches: ${JSON.stringify(task.touches)}`,
    `  needs: ${JSON.stringify(task.needs)}`,
  ]
  return fields.map((line) => `  ${line}`.trimEnd()).join('\n') + '\n'
}

function writeModule(name: ModuleName, workMs: number): Step[] {
  return [
    { sleep: workMs / 2 },
    { write: { path: `src/${name}.js`, content: SOURCES[name] } },
    { sleep: workMs / 2 },
    { write: { path: `test/${name}.test.js`, content: TESTS[name] } },
    { run: `node --test test/${name}.test.js` },
  ]
}

function touchModule(name: ModuleName): string[] {
  return [`src/${name}.js`, `test/${name}.test.js`]
}
