import type { TaskView } from '../api/contract.ts'
import { writeTaskTable, type TableFrame } from './task-table.ts'

/** What `heddle ps` shows: the table, and whether anything waits for a person. */
export function writeTaskList(tasks: readonly TaskView[], frame: TableFrame): string[] {
  if (tasks.length === 0) return ['No tasks. Start one with: heddle run "WHAT TO DO"']
  const waiting = tasks.filter((task) => task.waitsForPerson !== null).length
  const hint = `${waiting} ${waiting === 1 ? 'waits' : 'wait'} for you: heddle inbox`
  return [...writeTaskTable(tasks, frame), ...(waiting === 0 ? [] : ['', frame.paint('yellow', hint)])]
}
