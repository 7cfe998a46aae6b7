import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FILL, TEXT, availabilityColor, contrast, latencyColor, mix } from '../../assets/js/logic/color.js';

const SURFACES = { light: ['#ffffff', '#f5f6f8', '#f3f6f8'], dark: ['#161b22', '#0f1318', '#1b222b', '#1d242d'] };
const THEMES = /** @type {const} */ (['light', 'dark']);

test('availability runs from red over yellow to green and is grey when missing', () => {
  for (const theme of THEMES) {
    assert.equal(availabilityColor(0, theme), FILL[theme].red);
    assert.equal(availabilityColor(60, theme), FILL[theme].yellow);
    assert.equal(availabilityColor(100, theme), FILL[theme].green);
    assert.equal(availabilityColor(250, theme), FILL[theme].green);
    for (const missing of [-1, NaN]) assert.equal(availabilityColor(missing, theme), FILL[theme].none);
  }
});

test('latency is judged against the slow latency of the monitor', () => {
  const { green, yellow, red, none } = TEXT.light;
  for (const [latency, status, color] of /** @type {const} */ ([
    [1, 1, green], [299, 1, green], [300, 1, green], [1000, 2, yellow], [2000, 2, red], [9000, 2, red],
    [500, 0, none], [0, 1, none], [500, -1, none],
  ])) assert.equal(latencyColor(latency, 1000, status, 'light'), color, `${latency} ${status}`);
  assert.equal(latencyColor(500, 0, 1, 'light'), none);
});

test('the same number has different colours as a fill and as text', () => {
  assert.notEqual(availabilityColor(100, 'light', FILL), availabilityColor(100, 'light', TEXT));
});

test('every colour can be seen: fills 3:1 on the table, text 4.5:1 on every surface', () => {
  for (const theme of THEMES) {
    for (let value = 0; value <= 100; value += 0.5) {
      const fill = contrast(availabilityColor(value, theme), SURFACES[theme][0]);
      assert.ok(fill >= 3, `${theme} fill ${value}: ${fill}`);
      for (const surface of SURFACES[theme]) {
        const text = contrast(availabilityColor(value, theme, TEXT), surface);
        assert.ok(text >= 4.5, `${theme} text ${value} on ${surface}: ${text}`);
      }
    }
    for (let latency = 1; latency < 2500; latency += 20) {
      const color = latencyColor(latency, 1000, 1, theme);
      for (const surface of SURFACES[theme]) assert.ok(contrast(color, surface) >= 4.5, `${theme} ${latency}`);
    }
    for (const surface of SURFACES[theme]) assert.ok(contrast(TEXT[theme].none, surface) >= 4.5);
  }
});

test('mixing keeps both ends and stays a colour', () => {
  assert.equal(mix('#000000', '#ffffff', 0), '#000000');
  assert.equal(mix('#000000', '#ffffff', 1), '#ffffff');
  assert.match(mix('#ff0000', '#00ff00', 0.5), /^#[0-9a-f]{6}$/);
  assert.equal(contrast('#000000', '#ffffff'), 21);
});
