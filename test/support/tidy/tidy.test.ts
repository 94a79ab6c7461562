import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { houseProblems, shown } from './house.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')

test('tidy: the house keeps its own rules', () => {
  expect(shown(houseProblems(root))).toEqual([])
})
