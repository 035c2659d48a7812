import { describe, expect, it } from 'vitest'
import { libraries } from '../../tools/cluster/node-base.ts'

describe('libraries', () => {
  it('takes the paths of ldd and leaves the page of the kernel out', () => {
    const ldd = `\tlinux-vdso.so.1 (0x00007ffba3668000)
\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007ffba3652000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007ffba313e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007ffba366a000)
`
    expect(libraries(ldd)).toEqual([
      '/lib/x86_64-linux-gnu/libdl.so.2',
      '/lib/x86_64-linux-gnu/libc.so.6',
      '/lib64/ld-linux-x86-64.so.2',
    ])
  })
})
