import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../time/clock.ts'
import { connect } from './session/connection.ts'
import { runPlugin } from './program.ts'
import { processTerminal } from './terminal/terminal.ts'

// The reader of the output, such as `head`, may close the pipe early.
process.stdout.on('error', () => process.exit(0))

process.exitCode = await runPlugin(process.argv.slice(2), {
  terminal: processTerminal,
  clock: systemClock,
  pause: (milliseconds) => pause(milliseconds),
  connect,
})
