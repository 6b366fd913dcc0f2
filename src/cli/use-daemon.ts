import { connect } from '../api/connect.ts'
import { createSteadyClient, type SteadyClient } from '../api/steady-client.ts'

/** Hands the command a client of the daemon, which is started if none runs; closes it afterwards. */
export async function useDaemon<T>(use: (daemon: SteadyClient) => Promise<T>): Promise<T> {
  const daemon = createSteadyClient(() => connect(() => process.stderr.write('Starting the daemon…\n')))
  try {
    return await use(daemon)
  } finally {
    daemon.close()
  }
}
