import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'test/support/**/*.test.ts'], pool: 'forks' } },
      { test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], pool: 'forks', testTimeout: 60_000 } },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
