/**
 * The page in a real browser, against running servers: `cargo xtask web` starts this. To add a part, write
 * `NAME.part.mjs` and name it here; all parts share one browser and the servers of `support/world.mjs`.
 */

import { after, before } from 'node:test';
import { begin, end } from './support/world.mjs';

before(begin, { timeout: 120_000 });
after(end);

await import('./list.part.mjs');
await import('./detail.part.mjs');
await import('./live.part.mjs');
await import('./extremes.part.mjs');
await import('./pictures.part.mjs');
