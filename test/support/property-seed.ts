import fc from "fast-check"

/**
 * Every run tries the same cases, so that a failure is one for everybody. `CRUX_TEST_SEED=N bun test …` tries others; a
 * counterexample that it finds becomes a test of its own.
 */
fc.configureGlobal({ seed: Number(process.env.CRUX_TEST_SEED ?? 1) })
