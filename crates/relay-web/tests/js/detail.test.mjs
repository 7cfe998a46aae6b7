import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHistory, readTimeline } from '../../assets/js/api/detail.js';

test('a timeline is read, oldest first', () => {
  const detail = readTimeline({
    meta: { timeline_mode: 'aggregated', start_time: '1970-01-01T00:00:00Z', end_time: '1970-01-02T00:00:00Z', slow_latency_ms: 5000, availability: 99, latency_p50: 1 },
    points: [{ timestamp: 60, status: 1, latency: 5, availability: 100, latency_p50: 5, first_token_p50: 7 }, { timestamp: 0, status: -1 }],
  });
  assert.deepEqual([detail.raw, detail.start, detail.end, detail.slowMs, detail.p50, detail.p95], [false, 0, 86_400, 5000, 1, null]);
  assert.deepEqual(detail.points.map(({ at, availability, p50, first, dns }) => [at, availability, p50, first, dns]),
    [[0, -1, null, null, null], [60, 100, 5, 7, null]]);
});

test('nonsense becomes an empty detail', () => {
  for (const answer of [null, 'x', [], {}, { points: 7, meta: 'x' }]) {
    assert.deepEqual(readTimeline(answer).points, []);
    assert.deepEqual(readHistory(answer), { records: [], next: '' });
  }
});

test('records are read', () => {
  const { records, next } = readHistory({ records: [{ id: 2, timestamp: 9, status: 0, sub_status: 'rate_limit', http_code: 429, latency: 3, reason: 'too many requests' }, null], next_cursor: 'c' });
  assert.equal(next, 'c');
  assert.deepEqual([records[0].cause, records[0].code, records[0].first, records[1].status], ['rate_limit', 429, null, -1]);
});
