/**
 * The page in a real browser, against running servers: `cargo xtask web` starts this. To add a part, write
 * `NAME.part.mjs` and name it here; all parts share one browser and the servers of `support/world.mjs`.
 */

import { after, before } from 'node:test';
import { begin, end, register } from './support/world.mjs';
import './list.part.mjs';
import './detail.part.mjs';
import './live.part.mjs';
import './extremes.part.mjs';
import './pictures.part.mjs';

before(begin, { timeout: 120_000 });
after(end);
register();
