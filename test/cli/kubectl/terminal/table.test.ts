import { describe, expect, it } from 'vitest'
import { facts, printable, table } from '../../../../src/cli/kubectl/terminal/table.ts'

describe('table', () => {
  it('makes each column as wide as its widest cell, and ends no line with spaces', () => {
    expect(
      table(
        ['NAME', 'A'],
        [
          ['orders', ''],
          ['x', 'yes'],
        ],
      ),
    ).toBe('NAME     A\norders\nx        yes\n')
  })

  it('prints no control character that would rewrite the screen', () => {
    expect(table(['N'], [['\u001B[2Jgone\n\u202E']])).toBe('N\n\uFFFD[2Jgone\uFFFD\uFFFD\n')
  })
})

describe('facts', () => {
  it('puts the values below one another', () => {
    expect(
      facts([
        ['Name', 'orders'],
        ['Subject', 's\r'],
      ]),
    ).toBe('Name:     orders\nSubject:  s\uFFFD\n')
  })
})

describe('printable', () => {
  it('leaves letters of every script alone', () => {
    expect(printable('órdenes 注文 🔑')).toBe('órdenes 注文 🔑')
  })
})
