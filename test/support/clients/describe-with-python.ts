/** A block of tests that needs a Python client: skipped with the reason in its title where a person's machine has none. */
import { beforeEach, describe } from 'vitest'
import { type PythonClient, pythonWith } from './python-venv.ts'

export async function describeWithPython(
  client: PythonClient,
  title: string,
  body: (python: string) => void,
): Promise<void> {
  const python = await pythonWith(client)
  if (python.kind === 'ready') {
    describe(title, () => body(python.executable))
    return
  }
  describe(`${title} (${python.reason})`, () => {
    beforeEach((context) => context.skip(python.reason))
    body('python3')
  })
}
