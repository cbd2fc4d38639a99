import { defineConfig } from 'vitest/config';

// Virtual time waits for real work by asking the one thread that does it: test/support/real-work.ts.
process.env['UV_THREADPOOL_SIZE'] = '1';

export default defineConfig({
  test: {
    include: ['test/{unit,stories,contract}/**/*.test.ts'],
    sequence: { shuffle: true },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Two cores is what CI and most laptops give us; forks keep a crashed native module to its own file.
    pool: 'forks',
    maxWorkers: 2,
  },
});
