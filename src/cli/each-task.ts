import type { TaskView } from '../api/contract.ts'
import type { SteadyClient } from '../api/steady-client.ts'
import { EXIT } from '../model/failure.ts'
import { formatChange } from './amounts.ts'
import { paint, STATE_STYLES } from './paint.ts'
import { currentFolder } from './place.ts'
import { printJson } from './print.ts'
import { reportError } from './report-error.ts'
import { describeDoing } from './task-table.ts'
import { useDaemon } from './use-daemon.ts'

/** Does the same to several tasks at once; one that cannot be done does not keep the others from it. Prints how they are then. */
export async function doToEach(
  names: readonly string[],
  json: boolean,
  act: (daemon: SteadyClient, params: { readonly cwd: string; readonly task: string }) => Promise<TaskView>,
): Promise<number> {
  const cwd = currentFolder()
  const ends = await useDaemon((daemon) => Promise.allSettled(names.map((task) => act(daemon, { cwd, task }))))
  const tasks = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
  // One task that was named is one object, as with `heddle run`.
  if (json && names.length > 1) printJson(tasks)
  else if (json && tasks[0] !== undefined) printJson(tasks[0])
  else if (!json) for (const task of tasks) console.log(writeState(task))
  const codes = ends.flatMap((end) => (end.status === 'rejected' ? [reportError(end.reason)] : []))
  return codes[0] ?? EXIT.done
}

/** For example `mend: landing, waits for its turn to land (+12 −3, 2 files)`. */
function writeState(task: TaskView): string {
  const doing = describeDoing(task)
  const change = formatChange(task.change)
  return [
    `${paint('bold', task.name)}: ${paint(STATE_STYLES[task.state], task.state)}`,
    doing === '' || doing.startsWith(task.state) ? '' : `, ${doing}`,
    change === '' ? '' : paint('dim', ` (${change})`),
    task.preserved === null
      ? ''
      : `\n  its work is kept: ${task.preserved.startsWith('refs/') ? `git log ${task.preserved}` : task.preserved}`,
  ].join('')
}
