/** Pictures of every width and theme, kept for people to look at; nothing may stick out in any of them. */

import { accessible, fits, open, picture, visit, world } from './support/world.mjs';

const WIDTHS = [[360, 740], [768, 1024], [1440, 900], [2560, 1440]];

for (const scheme of /** @type {const} */ (['light', 'dark'])) {
  for (const [width, height] of WIDTHS) {
    visit(`a picture at ${width} pixels, ${scheme}`, { width, height, scheme }, async (page) => {
      const language = width === 768 ? 'ru' : width === 2560 ? 'ja' : 'en';
      await open(page, `${world.demo}/${language}/?period=24h`);
      await page.locator('canvas').first().waitFor();
      await fits(page);
      await picture(page, `home-${width}-${scheme}`);
      // Cards and table; the widths between differ in nothing that is read aloud, and light ones are looked at elsewhere.
      if (scheme === 'dark' && (width === 360 || width === 1440)) await accessible(page);
    });
  }
}
