import { describe, expect, it } from 'vitest'
import { confirm } from '../../../../src/cli/kubectl/terminal/confirm.ts'
import { CommandError, UsageError } from '../../../../src/cli/kubectl/terminal/failures.ts'

function terminal(interactive: boolean, answer = '') {
  const asked: string[] = []
  const ask = async (question: string) => {
    asked.push(question)
    return answer
  }
  return { asked, interactive, ask, out: () => undefined, err: () => undefined, read: async () => '' }
}

describe('confirm', () => {
  it.each(['y', 'Y', 'yes', ' Yes '])('goes on after "%s"', async (answer) => {
    const asked = terminal(true, answer)
    await confirm(asked, 'Revoke it?', undefined)
    expect(asked.asked).toEqual(['Revoke it?\nThis cannot be undone. Continue? [y/N] '])
  })

  it.each(['', 'n', 'no', 'yesterday', 'oh yes'])('stops after "%s"', async (answer) => {
    await expect(confirm(terminal(true, answer), 'Revoke it?', undefined)).rejects.toThrow(CommandError)
  })

  it('asks nobody where --yes is given', async () => {
    const asked = terminal(true)
    await confirm(asked, 'Revoke it?', true)
    expect(asked.asked).toEqual([])
  })

  it('refuses where there is nobody to ask', async () => {
    await expect(confirm(terminal(false, 'yes'), 'Revoke it?', undefined)).rejects.toThrow(UsageError)
  })
})
