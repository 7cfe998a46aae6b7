/**
 * The words of the page. The API's JSON is turned into these once, in `normalize.js`; nothing else knows its shape.
 *
 * @typedef {object} Counts How many records of a block were what.
 * @property {number} available Green.
 * @property {number} degraded Yellow.
 * @property {number} unavailable Red.
 * @property {number} missing Unknown status.
 * @property {Record<string, number>} causes Sub-status to count; zero counts are left out.
 * @property {Record<string, Record<string, number>>} codes Sub-status to HTTP code to count.
 *
 * @typedef {object} Point One probe or one bucket.
 * @property {number} at First second it stands for, Unix seconds.
 * @property {number} status 1 green, 2 yellow, 0 red, -1 none.
 * @property {number} latency Milliseconds, 0 when unknown.
 * @property {number} availability Percent, -1 when there is no data.
 * @property {Counts} counts
 *
 * @typedef {object} Block What one cell of a heat-map shows: one point, several merged ones, or a gap.
 * @property {number} start First second, Unix seconds.
 * @property {number} end First second after it; equal to `start` for a single probe.
 * @property {number} status Worst status in it.
 * @property {number} latency
 * @property {number} availability
 * @property {Counts} counts
 *
 * @typedef {object} Current The newest record.
 * @property {number} status
 * @property {number} latency
 * @property {number} at Unix seconds.
 *
 * @typedef {object} Layer One model of a monitor; a monitor without models has one layer with an empty name.
 * @property {string} model
 * @property {Current} current
 * @property {number} availability Percent over the window, -1 without data.
 * @property {readonly Point[]} points Oldest first.
 *
 * @typedef {object} Badge
 * @property {string} id
 * @property {string} kind `source`, `info` or `feature`.
 * @property {string} variant `default`, `success`, `warning`, `danger` or `info`.
 * @property {string} url
 * @property {string} tooltip The override of this monitor, or empty.
 * @property {unknown} label Text or map by language, as configured.
 * @property {unknown} hint The same for the tooltip.
 *
 * @typedef {object} Risk
 * @property {string} label
 * @property {string} url
 *
 * @typedef {object} Row One line of the page: a monitor or a group of models.
 * @property {string} id Stable while provider, service and channel stay the same.
 * @property {string} provider
 * @property {string} providerLabel
 * @property {string} providerSlug
 * @property {string} providerUrl
 * @property {string} service
 * @property {string} serviceLabel
 * @property {string} channel
 * @property {string} channelLabel
 * @property {string} category
 * @property {string} sponsor
 * @property {string} sponsorUrl
 * @property {string} sponsorLevel
 * @property {readonly Risk[]} risks
 * @property {readonly Badge[]} badges
 * @property {number|null} priceMin
 * @property {number|null} priceMax
 * @property {number|null} listedDays
 * @property {string} board
 * @property {string} coldReason
 * @property {string} probeUrl
 * @property {string} template
 * @property {number} intervalMs 0 when unknown.
 * @property {number} slowMs
 * @property {number} status Worst of the layers.
 * @property {number} latency Of the parent layer, else of the newest one; 0 when unknown.
 * @property {number} checkedAt Unix seconds, 0 when never.
 * @property {number} availability Minimum over the layers that have data, -1 without.
 * @property {readonly Layer[]} layers
 * @property {string} text What the search looks through, lower case.
 *
 * @typedef {object} Board Everything one answer says.
 * @property {string} period
 * @property {boolean} raw Whether points are single probes.
 * @property {number} start First second of the window.
 * @property {number} end Its end.
 * @property {number} width Seconds of a bucket, 0 when raw.
 * @property {boolean} badges Whether badges may be shown.
 * @property {boolean} boards Whether there is a cold board.
 * @property {PinRules} pins
 * @property {readonly string[]} ids Favourite ids of everything the site lists; empty when it does not say.
 * @property {readonly Row[]} rows
 *
 * @typedef {object} PinRules Which sponsors stand at the top of the main page.
 * @property {boolean} enabled
 * @property {number} most Rows in all.
 * @property {number} perProvider Channels of one provider of the highest level.
 * @property {number} minUptime Percent.
 * @property {string} minLevel
 *
 * @typedef {Point & {p50: number|null, p95: number|null, first: number|null, dns: number|null, connect: number|null, tls: number|null, total: number|null}} DetailPoint
 *   A point with its latencies and phases in milliseconds; `first` is the time to the first token.
 *
 * @typedef {object} Detail One monitor over the period.
 * @property {boolean} raw Whether points are single probes.
 * @property {number} start
 * @property {number} end
 * @property {number} slowMs
 * @property {number} availability
 * @property {number|null} p50
 * @property {number|null} p95
 * @property {number|null} p99
 * @property {readonly DetailPoint[]} points Oldest first.
 *
 * @typedef {object} HistoryRecord One probe.
 * @property {number} id
 * @property {number} at
 * @property {number} status
 * @property {string} cause
 * @property {number} code
 * @property {number} latency
 * @property {number|null} first
 * @property {number|null} total
 * @property {string} reason Why it is not green, in the server's words.
 * @property {string} detail What the upstream said, where the server shows it.
 */

export {};
