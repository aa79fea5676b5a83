-- Every change of a submission's state, each as one atomic script. protocol/lifecycle.py is the
-- table that they follow, protocol/keys.py names the keys, docs/protocol.md tells the why.
--
-- Rules of the house:
--   * Validate everything before the first write: an error does not undo what was written.
--   * Every script may be repeated after a lost reply and then says the same again.
--   * Whoever changes a running submission proves with the claim's token that it is still his.
--   * State, index, event and PUBLISH change together, so no event is ever wrong or comes twice.
--   * All keys of a partition carry its tag, taken from KEYS[1], so they lie in one cluster slot.
--   * JSON goes through as text: cjson would mangle large numbers. Numbers are printed by %.0f.

local EVENTS_KEPT = 1000
local EVENTS_KEPT_S = 7 * 86400
local HEAD_KEPT_S = 30 * 86400
local CURSORS_KEPT = 64
local RESULTS_KEPT = 20

local function key(p, name, rest)
  return name .. ':' .. p .. (rest and (':' .. rest) or '')
end

local function int(number)
  return string.format('%.0f', number)
end

-- Days since 1970 to a date, after Howard Hinnant's "chrono-compatible low-level date algorithms".
local function rfc3339(seconds, micros)
  local days = math.floor(seconds / 86400)
  local rest = seconds - days * 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524)
    - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, micros)
end

-- The server's clock: no client's matters. Returns milliseconds and the timestamp.
local function now()
  local time = redis.call('TIME')
  local seconds, micros = tonumber(time[1]), tonumber(time[2])
  return seconds * 1000 + math.floor(micros / 1000), rfc3339(seconds, micros)
end

-- Append one event to the user's history and publish it. Ids rise strictly even when the server's
-- clock falls or writes were lost, and `prev` links each to the one before.
local function emit(p, user, kind, id, problem, members)
  local head = key(p, 'evm', user)
  local stream = key(p, 'ev', user)
  local ms, at = now()
  local last = tonumber(redis.call('HGET', head, 'last') or '0')
  local event = math.max(last + 1, ms)
  local json = '{"type":"submission.' .. kind .. '","id":' .. int(event) .. ',"prev":' .. int(last)
    .. ',"user_id":"' .. user .. '","submission_id":"' .. id .. '","problem_id":'
    .. (problem == '' and 'null' or '"' .. problem .. '"') .. ',"at":"' .. at .. '"' .. (members ~= '' and (',' .. members) or '') .. '}'
  redis.call('HSET', head, 'last', int(event))
  redis.call('EXPIRE', head, HEAD_KEPT_S)
  redis.call('XADD', stream, 'MAXLEN', EVENTS_KEPT, int(event) .. '-0', 'e', json)
  redis.call('EXPIRE', stream, EVENTS_KEPT_S)
  redis.call('PUBLISH', stream, json)
end

-- Put an id into a queue's index and list. `next_in_turn` puts it before all that wait.
local function enqueue(p, queue, id, seq, next_in_turn)
  redis.call('ZADD', key(p, 'qz', queue), seq, id)
  redis.call(next_in_turn and 'RPUSH' or 'LPUSH', key(p, 'q', queue), seq .. '|' .. id)
end

local function next_seq(p)
  return int(redis.call('HINCRBY', key(p, 'meta'), 'qseq', 1))
end

-- A number that no lease has had before. A lease that keeps its number gives no sign of life,
-- whatever anybody's clock says.
local function next_beat(p)
  return int(redis.call('HINCRBY', key(p, 'meta'), 'beat', 1))
end

local function is_final(status)
  return status == 'done' or status == 'cancelled'
end

-- The fence: whoever shows another token than the record's has lost his claim.
local function is_fenced(token, shown)
  return token ~= shown
end

-- Why nothing more of this user may be queued: full | user_full | nil.
local function refusal(p, user, max_depth, max_open)
  local depth = 0
  for _, name in ipairs({ 'high', 'normal', 'low', 'suspect' }) do
    depth = depth + redis.call('ZCARD', key(p, 'qz', name))
  end
  if depth >= tonumber(max_depth) then
    return 'full'
  end
  if tonumber(redis.call('HGET', key(p, 'usr', user), 'open') or '0') >= tonumber(max_open) then
    return 'user_full'
  end
end

-- Everything that entering a final state has in common.
local function close(p, id, user, status, fields)
  local ms, at = now()
  local sub = key(p, 'sub', id)
  -- A removal first: with EVALSHA a script that has written may go on when memory is full.
  redis.call('ZREM', key(p, 'lease'), id)
  redis.call('HSET', sub, 'status', status, 'finished_at', at, 'token', '', unpack(fields))
  redis.call('ZADD', key(p, 'fin'), ms, id)
  if redis.call('HINCRBY', key(p, 'usr', user), 'open', -1) <= 0 then
    redis.call('DEL', key(p, 'usr', user))
  end
end

-- The tutorial's channel hears of every verdict; a run of no problem has none that it knows.
local function publish_done(id, user, problem, verdict)
  if problem == '' then
    return
  end
  redis.call('PUBLISH', 'problem_done', '{"problemId":"' .. problem .. '","userId":"' .. user
    .. '","submissionId":"' .. id .. '","status":"' .. verdict .. '"}')
end

-- The foreign producers' list and where its bad entries go: older than partitions, so without one.
local FOREIGN, REJECTED = 'problems', 'problems:rejected'

local function is_oldest(entry)
  return redis.call('LINDEX', FOREIGN, -1) == entry
end

-- A bucket of `burst` tokens that fills at `per_s`, kept as the one number that it needs: when it
-- will be full again (GCRA). Returns ms to wait for a token, or 0 and that time with one taken.
local function draw(bucket, per_s, burst, ms)
  local step = 1000 / per_s
  local full_at = math.max(tonumber(redis.call('GET', bucket) or '0'), ms)
  -- A time further off than a whole bucket takes is of a clock that has fallen since.
  full_at = math.min(full_at, ms + burst * step) + step
  local wait = full_at - burst * step - ms
  return math.max(math.ceil(wait), 0), full_at
end

-- Draw a token for user and address; nothing is drawn unless both give one, nor without a rate.
-- Returns what refuses, and ms until it would not.
local function draw_both(p, user, address, rates, ms)
  local found = {}
  for i, bucket in ipairs({ key(p, 'rate', 'user:' .. user), key(p, 'rate', 'addr:' .. address) }) do
    local per_s, burst = tonumber(rates[2 * i - 1]), tonumber(rates[2 * i])
    if per_s > 0 and (i == 1 or address ~= '') then
      local wait, full_at = draw(bucket, per_s, burst, ms)
      if wait > 0 then
        return i == 1 and 'user_rate' or 'address_rate', wait
      end
      found[#found + 1] = { bucket, full_at }
    end
  end
  for _, each in ipairs(found) do
    redis.call('SET', each[1], string.format('%.3f', each[2]), 'PX',
      int(math.max(math.ceil(each[2] - ms), 1)))
  end
end

-- submit: id user queue language problem payload idem_key body_hash idem_ttl_s max_depth max_open
--   user_per_s user_burst address_per_s address_burst address (a rate of 0: none) request_id
--   [entry], the oldest of the foreign list, which is taken out with this
-- -> {created, id, at, position} | {existing, id} | {mismatch} | {full} | {user_full} | {gone}
--   | {user_rate, ms} | {address_rate, ms}
local function submit(keys, a)
  local p = string.match(keys[1], '{.-}')
  if a[18] and not is_oldest(a[18]) then
    return { 'gone' }
  end
  local id, user, queue = a[1], a[2], a[3]
  local idem = a[7] ~= '' and key(p, 'idem', user .. ':' .. a[7]) or nil
  if idem then
    local known = redis.call('HMGET', idem, 'id', 'bh')
    if known[1] and known[2] ~= a[8] then
      return { 'mismatch' }
    elseif known[1] then
      -- WAITAOF behind this call looks at what its connection has written: write something, else
      -- it would prove nothing of a first call that came over another connection.
      redis.call('HSET', idem, 'id', known[1])
      return { 'existing', known[1] }
    end
  end
  -- The same id again is the same call after a lost reply.
  if redis.call('EXISTS', key(p, 'sub', id)) == 1 then
    return { 'existing', id }
  end
  local refused = refusal(p, user, a[10], a[11])
  if refused then
    return { refused }
  end
  local ms, at = now()
  local too_fast, wait = draw_both(p, user, a[16], { a[12], a[13], a[14], a[15] }, ms)
  if too_fast then
    return { too_fast, wait }
  end
  local seq = next_seq(p)
  redis.call('HSET', key(p, 'sub', id), 'id', id, 'problem_id', a[5], 'user_id', user, 'language',
    a[4], 'status', 'queued', 'priority', queue, 'queue', queue, 'seq', seq, 'gen', 1, 'attempt', 0, 'tries', 0,
    'token', '', 'created_at', at, 'payload', a[6], 'request_id', a[17])
  enqueue(p, queue, id, seq, false)
  redis.call('ZADD', key(p, 'hist', user), ms, id)
  redis.call('HINCRBY', key(p, 'usr', user), 'open', 1)
  if idem then
    redis.call('HSET', idem, 'id', id, 'bh', a[8])
    redis.call('EXPIRE', idem, a[9])
  end
  local position = redis.call('ZCARD', key(p, 'qz', queue))
  emit(p, user, 'queued', id, a[5], '"position":' .. position)
  if a[18] then
    redis.call('RPOP', FOREIGN)
  end
  return { 'created', id, at, position }
end

-- reject: line kept [entry], as for `submit` -> ok | gone | closed
local function reject(_, a)
  if a[3] and not is_oldest(a[3]) then
    return 'gone'
  end
  local kind = redis.call('TYPE', REJECTED).ok
  if kind ~= 'list' and kind ~= 'none' then
    return 'closed'
  end
  redis.call('LTRIM', REJECTED, 0, tonumber(a[2]) - 2) -- a removal first, as in `close`
  redis.call('LPUSH', REJECTED, a[1])
  if a[3] then
    redis.call('RPOP', FOREIGN)
  end
  return 'ok'
end

-- claim: id seq token worker -> {claimed, attempt, payload, problem, request_id} | {stale}
local function claim(keys, a)
  local p = string.match(keys[1], '{.-}')
  local id, sub = a[1], key(p, 'sub', a[1])
  local s = redis.call('HMGET', sub, 'status', 'seq', 'token', 'queue', 'user_id', 'problem_id',
    'payload', 'attempt', 'request_id')
  if s[3] == a[3] then
    return { 'claimed', tonumber(s[8]), s[7], s[6], s[9] }
  end
  if s[1] ~= 'queued' or s[2] ~= a[2] then
    return { 'stale' }
  end
  local _, at = now()
  redis.call('ZREM', key(p, 'qz', s[4]), id)
  redis.call('HDEL', sub, 'limbo')
  local attempt = redis.call('HINCRBY', sub, 'attempt', 1)
  redis.call('HINCRBY', sub, 'tries', 1)
  redis.call('HSET', sub, 'status', 'compiling', 'token', a[3], 'worker', a[4], 'started_at', at,
    'told', 0)
  redis.call('ZADD', key(p, 'lease'), next_beat(p), id)
  emit(p, s[5], 'started', id, s[6], '"attempt":' .. attempt .. ',"worker":"' .. a[4] .. '"')
  return { 'claimed', attempt, s[7], s[6], s[9] }
end

-- beat: (id token)... -> per id: ok | fenced
local function beat(keys, a)
  local p = string.match(keys[1], '{.-}')
  local number
  local answers = {}
  for i = 1, #a, 2 do
    local fenced = is_fenced(redis.call('HGET', key(p, 'sub', a[i]), 'token'), a[i + 1])
    -- Removed first, as in `close`: full memory must not end what is held.
    if not fenced and redis.call('ZREM', key(p, 'lease'), a[i]) == 1 then
      number = number or next_beat(p)
      redis.call('ZADD', key(p, 'lease'), number, a[i])
    end
    answers[#answers + 1] = fenced and 'fenced' or 'ok'
  end
  return answers
end

-- Read `count` pairs from position `from`; returns them and the position after.
local function pairs_from(a, from, count)
  local found = {}
  for i = from, from + 2 * count - 1 do
    found[#found + 1] = a[i]
  end
  return found, from + 2 * count
end

-- Emit the steps (kind members)... that stand from position `start` on. They are numbered from
-- `first` within this attempt; those that a call whose reply was lost has told are passed over.
local function emit_steps(p, sub, user, id, problem, a, start, first)
  local told = tonumber(redis.call('HGET', sub, 'told') or '0')
  local number = tonumber(first)
  for i = start, #a, 2 do
    if number >= told then
      emit(p, user, a[i], id, problem, a[i + 1])
    end
    number = number + 1
  end
  if number > told then
    redis.call('HSET', sub, 'told', number)
  end
end

-- progress: id token first n (field value)*n (kind members)... -> ok | fenced
-- The step `compiled`, always the first, makes the submission a running one.
local function progress(keys, a)
  local p = string.match(keys[1], '{.-}')
  local id, sub = a[1], key(p, 'sub', a[1])
  local s = redis.call('HMGET', sub, 'token', 'user_id', 'problem_id')
  if is_fenced(s[1], a[2]) then
    return 'fenced'
  end
  local fields, rest = pairs_from(a, 5, tonumber(a[4]))
  local first = tonumber(a[3]) == 0
  if first ~= (a[rest] == 'compiled') then
    return redis.error_reply('ERR `compiled` is the first step and only the first')
  end
  if first then
    redis.call('HSET', sub, 'status', 'running')
  end
  if #fields > 0 then
    redis.call('HSET', sub, unpack(fields))
  end
  emit_steps(p, sub, s[2], id, s[3], a, rest, a[3])
  return 'ok'
end

-- finish: id token first verdict judged_members n (field value)*n (kind members)...
-- -> ok | repeated | fenced
local function finish(keys, a)
  local p = string.match(keys[1], '{.-}')
  local id, sub = a[1], key(p, 'sub', a[1])
  local s = redis.call('HMGET', sub, 'token', 'user_id', 'problem_id', 'ftoken', 'status')
  if s[5] == 'done' and s[4] == a[2] then
    return 'repeated'
  end
  if is_fenced(s[1], a[2]) then
    return 'fenced'
  end
  local fields, rest = pairs_from(a, 7, tonumber(a[6]))
  fields[#fields + 1] = 'ftoken'
  fields[#fields + 1] = a[2]
  close(p, id, s[2], 'done', fields)
  emit_steps(p, sub, s[2], id, s[3], a, rest, a[3])
  -- Not one of the numbered steps: who enters the final state tells so, and nobody else does.
  emit(p, s[2], 'judged', id, s[3], a[5])
  publish_done(id, s[2], s[3], a[4])
  return 'ok'
end

-- Forget what an unfinished judging has left in the record.
local function clear_run(sub)
  redis.call('HSET', sub, 'status', 'queued', 'token', '')
  redis.call('HDEL', sub, 'tests_passed', 'tests_total', 'started_at', 'worker', 'limbo')
end

-- release: id token -> ok | fenced. Not the submission's fault, so the try does not count.
local function release(keys, a)
  local p = string.match(keys[1], '{.-}')
  local id, sub = a[1], key(p, 'sub', a[1])
  local s = redis.call('HMGET', sub, 'token', 'user_id', 'problem_id', 'queue', 'seq', 'attempt')
  if is_fenced(s[1], a[2]) then
    return 'fenced'
  end
  redis.call('ZREM', key(p, 'lease'), id)
  clear_run(sub)
  redis.call('HINCRBY', sub, 'tries', -1)
  enqueue(p, s[4], id, s[5], true)
  emit(p, s[2], 'requeued', id, s[3], '"reason":"released","attempt":' .. s[6])
  return 'ok'
end

-- Take an unjudged submission back from a worker that failed it. The first failure may be anybody's
-- fault: next in turn again. After the second the submission is a suspect and runs alone. The last
-- try ends in the dead letters. Returns what became of it.
local function take_back(p, id, max_tries, members, reason)
  local sub = key(p, 'sub', id)
  local s = redis.call('HMGET', sub, 'user_id', 'problem_id', 'queue', 'seq', 'tries', 'attempt')
  if not s[1] then
    -- Somebody deleted the record by hand: nothing is left to judge.
    redis.call('ZREM', key(p, 'lease'), id)
    return 'no'
  end
  local tries = tonumber(s[5])
  if tries >= tonumber(max_tries) then
    local ms = now()
    redis.call('HDEL', sub, 'tests_passed', 'tests_total')
    close(p, id, s[1], 'done', { 'verdict', 'internal_error' })
    redis.call('ZADD', key(p, 'dlq'), ms, id)
    emit(p, s[1], 'judged', id, s[2], members .. ',"attempt":' .. s[6])
    publish_done(id, s[1], s[2], 'internal_error')
    return 'dead'
  end
  redis.call('ZREM', key(p, 'lease'), id)
  clear_run(sub)
  if tries >= 2 then
    -- A new number: a stale hint in the old list can then not claim it.
    local seq = next_seq(p)
    redis.call('HSET', sub, 'queue', 'suspect', 'seq', seq)
    enqueue(p, 'suspect', id, seq, false)
  else
    enqueue(p, s[3], id, s[4], true)
  end
  emit(p, s[1], 'requeued', id, s[2], '"reason":"' .. reason .. '","attempt":' .. s[6])
  return tries >= 2 and 'suspect' or 'requeued'
end

-- fail: id token max_tries judged_members -> requeued | suspect | dead | fenced
-- The worker lives, but this host could not run the program.
local function fail(keys, a)
  local p = string.match(keys[1], '{.-}')
  if is_fenced(redis.call('HGET', key(p, 'sub', a[1]), 'token'), a[2]) then
    return 'fenced'
  end
  return take_back(p, a[1], a[3], a[4], 'worker_failed')
end

-- expire: id seen_beat max_tries judged_members -> requeued | suspect | dead | no
-- Whoever asks has seen that same number for a whole lease by his own clock.
local function expire(keys, a)
  local p = string.match(keys[1], '{.-}')
  local beat_number = redis.call('ZSCORE', key(p, 'lease'), a[1])
  if not beat_number or tonumber(beat_number) ~= tonumber(a[2]) then
    return 'no'
  end
  return take_back(p, a[1], a[3], a[4], 'worker_lost')
end

-- repair: queue grace_ms limit -> how many hints were put back.
-- The list is sorted by seq and its tail is the oldest, so a queued id with a smaller seq than the
-- tail's has been popped. If nobody claims it within the grace, whoever popped it is dead.
local function repair(keys, a)
  local p = string.match(keys[1], '{.-}')
  local queue, grace = a[1], tonumber(a[2])
  local tail = redis.call('LINDEX', key(p, 'q', queue), -1)
  local watermark = tail and '(' .. (string.match(tail, '^(%d+)|') or '0') or '+inf'
  -- Highest seq first, so that the smallest comes to lie at the tail, and what is beyond the limit
  -- stays below it, in sight of the next repair.
  local popped = redis.call('ZREVRANGEBYSCORE', key(p, 'qz', queue), watermark, '-inf',
    'WITHSCORES', 'LIMIT', 0, a[3])
  local ms = now()
  local count = 0
  for i = 1, #popped - 1, 2 do
    local id, seq = popped[i], int(tonumber(popped[i + 1]))
    local sub = key(p, 'sub', id)
    local since = tonumber(redis.call('HGET', sub, 'limbo') or '0')
    -- Seen for the first time, or long ago, or the clock has fallen meanwhile.
    if since == 0 or ms - since > grace or since > ms then
      redis.call('HDEL', sub, 'limbo') -- a removal first, as in `close`
      redis.call('HSET', sub, 'limbo', int(ms))
      if since ~= 0 then
        redis.call('RPUSH', key(p, 'q', queue), seq .. '|' .. id)
        count = count + 1
      end
    end
  end
  return count
end

-- cancel: id -> the status after it, or missing. What is done stays done.
local function cancel(keys, a)
  local p = string.match(keys[1], '{.-}')
  local id, sub = a[1], key(p, 'sub', a[1])
  local s = redis.call('HMGET', sub, 'status', 'user_id', 'problem_id', 'queue', 'attempt', 'token')
  if not s[1] then
    return 'missing'
  end
  if is_final(s[1]) then
    return s[1]
  end
  if s[1] == 'queued' then
    -- Its hint stays in the list and is dropped by the claim: no search through the list.
    redis.call('ZREM', key(p, 'qz', s[4]), id)
  else
    -- With the token, so that a late word stops no later claim of the same submission.
    redis.call('PUBLISH', key(p, 'ctl'), id .. '|' .. s[6])
  end
  close(p, id, s[2], 'cancelled', {})
  emit(p, s[2], 'cancelled', id, s[3], '"attempt":' .. s[5])
  return 'now cancelled'
end

-- What is kept of a judgement under result:{p}:<id>:<gen> when the submission is judged again.
local RESULT = { 'status', 'verdict', 'score', 'tests_passed', 'tests_total', 'time_s',
  'memory_bytes', 'problem_version', 'started_at', 'finished_at', 'attempt' }

local function keep_result(p, id, gen)
  local kept = { 'generation', gen }
  for i, value in ipairs(redis.call('HMGET', key(p, 'sub', id), unpack(RESULT))) do
    if value then
      kept[#kept + 1] = RESULT[i]
      kept[#kept + 1] = value
    end
  end
  redis.call('HSET', key(p, 'result', id .. ':' .. gen), unpack(kept))
  redis.call('DEL', key(p, 'result', id .. ':' .. int(tonumber(gen) - RESULTS_KEPT)))
end

-- rejudge: id max_depth max_open request_id -> {requeued, gen} | {open} | {missing} | {full} | {user_full}
local function rejudge(keys, a)
  local p = string.match(keys[1], '{.-}')
  local id, sub = a[1], key(p, 'sub', a[1])
  local s = redis.call('HMGET', sub, 'status', 'user_id', 'problem_id', 'gen', 'priority')
  if not s[1] then
    return { 'missing' }
  end
  if not is_final(s[1]) then
    return { 'open' }
  end
  local refused = refusal(p, s[2], a[2], a[3])
  if refused then
    return { refused }
  end
  keep_result(p, id, s[4])
  redis.call('HDEL', sub, 'verdict', 'score', 'tests_passed', 'tests_total', 'time_s',
    'memory_bytes', 'compile_output', 'tests', 'problem_version', 'run', 'started_at',
    'finished_at', 'ftoken', 'worker', 'limbo')
  redis.call('ZREM', key(p, 'dlq'), id)
  redis.call('ZREM', key(p, 'fin'), id)
  local queue, seq = s[5], next_seq(p)
  local gen = redis.call('HINCRBY', sub, 'gen', 1)
  redis.call('HSET', sub, 'status', 'queued', 'queue', queue, 'seq', seq, 'tries', 0, 'token', '',
    'request_id', a[4])
  redis.call('HINCRBY', key(p, 'usr', s[2]), 'open', 1)
  enqueue(p, queue, id, seq, false)
  local position = redis.call('ZCARD', key(p, 'qz', queue))
  emit(p, s[2], 'queued', id, s[3], '"position":' .. position .. ',"generation":' .. gen)
  return { 'requeued', gen }
end

-- show: id field... -> the fields, the position in the queue or false, and of each generation
-- before this one that is kept {field, value, ...}, the oldest first
local function show(keys, a)
  local p = string.match(keys[1], '{.-}')
  local id = table.remove(a, 1)
  local sub = key(p, 'sub', id)
  local answer = redis.call('HMGET', sub, unpack(a))
  local s = redis.call('HMGET', sub, 'status', 'queue', 'gen')
  local rank = s[1] == 'queued' and redis.call('ZRANK', key(p, 'qz', s[2]), id)
  answer[#a + 1] = rank and rank + 1 or false
  local gen = tonumber(s[3] or '1')
  for earlier = math.max(1, gen - RESULTS_KEPT), gen - 1 do
    answer[#answer + 1] = redis.call('HGETALL', key(p, 'result', id .. ':' .. int(earlier)))
  end
  return answer
end

-- replay: user after max_events max_bytes -> {head, oldest kept id, whether `after` is older than
-- any head is kept, whether there are more, events...} of those with id > after; one at least
local function replay(keys, a)
  local p = string.match(keys[1], '{.-}')
  local stream = key(p, 'ev', a[1])
  local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  local rows = redis.call('XRANGE', stream, '(' .. a[2] .. '-0', '+', 'COUNT', a[3])
  local forgotten = tonumber(a[2]) < now() - HEAD_KEPT_S * 1000
  local answer = { redis.call('HGET', key(p, 'evm', a[1]), 'last') or '0',
    oldest and string.match(oldest[1], '^%d+') or '0', forgotten and 1 or 0,
    #rows == tonumber(a[3]) and 1 or 0 }
  local left = tonumber(a[4])
  for i, entry in ipairs(rows) do
    local event = entry[2][2]
    left = left - #event
    if left < 0 and i > 1 then
      answer[4] = 1
      break
    end
    answer[#answer + 1] = event
  end
  return answer
end

-- resume: user client socket kept_ms borrow -> position: where a client goes on who knows
-- only his name. Of `n` clients that share a name the one who asks gets the least of their `n`
-- positions, and the greatest is struck: so none of them ever starts past where he was, and a
-- single one exactly there. With `borrow` a client without a position takes the least of all.
local function resume(keys, a)
  local p = string.match(keys[1], '{.-}')
  local cursors = key(p, 'cur', a[1])
  local head = redis.call('HGET', key(p, 'evm', a[1]), 'last') or '0'
  local ms = now()
  local own, least, borrowed, greatest, oldest, oldest_ms = a[2] .. '/'
  local kept, known = 0, redis.call('HGETALL', cursors)
  for i = 1, #known, 2 do
    local position, proved_ms = string.match(known[i + 1], '^(%d+)|(%d+)$')
    position, proved_ms = tonumber(position), tonumber(proved_ms)
    if ms - proved_ms > tonumber(a[4]) then
      redis.call('HDEL', cursors, known[i])
    else
      kept = kept + 1
      if not oldest or proved_ms < oldest_ms then oldest, oldest_ms = known[i], proved_ms end
      if string.sub(known[i], 1, #own) == own then
        least = math.min(least or position, position)
        if not greatest or position > greatest.position then
          greatest = { position = position, field = known[i] }
        end
      elseif string.sub(known[i], 1, 1) == '-' then
        borrowed = math.min(borrowed or position, position)
      end
    end
  end
  if greatest then
    redis.call('HDEL', cursors, greatest.field)
  elseif kept >= CURSORS_KEPT then
    redis.call('HDEL', cursors, oldest)
  end
  local position = least or (a[5] == '1' and borrowed) or tonumber(head)
  -- When memory is full he is served all the same, and his place not kept.
  redis.pcall('HSET', cursors, a[3], int(position) .. '|' .. int(ms))
  redis.call('PEXPIRE', cursors, a[4])
  return int(position)
end

-- prove: kept_ms, then user socket position of each client that has proved to have read so far
local function prove(keys, a)
  local p = string.match(keys[1], '{.-}')
  local ms = int(now())
  for i = 2, #a, 3 do
    local cursors = key(p, 'cur', a[i])
    redis.call('HSET', cursors, a[i + 1], a[i + 2] .. '|' .. ms)
    redis.call('PEXPIRE', cursors, a[1])
  end
  return (#a - 1) / 3
end

-- forget: age_ms limit -> how many submissions that were finished so long ago were deleted
local function forget(keys, a)
  local p = string.match(keys[1], '{.-}')
  local before = int(now() - tonumber(a[1]))
  local old = redis.call('ZRANGEBYSCORE', key(p, 'fin'), '-inf', before, 'LIMIT', 0, a[2])
  for _, id in ipairs(old) do
    local sub = key(p, 'sub', id)
    local s = redis.call('HMGET', sub, 'user_id', 'gen')
    local gen = tonumber(s[2] or '1')
    for earlier = math.max(1, gen - RESULTS_KEPT), gen - 1 do
      redis.call('DEL', key(p, 'result', id .. ':' .. int(earlier)))
    end
    if s[1] then
      redis.call('ZREM', key(p, 'hist', s[1]), id)
    end
    redis.call('ZREM', key(p, 'dlq'), id)
    redis.call('ZREM', key(p, 'fin'), id)
    redis.call('DEL', sub)
  end
  return #old
end

local scripts = {
  submit = submit, reject = reject, claim = claim, beat = beat, progress = progress, finish = finish,
  release = release, expire = expire, fail = fail, repair = repair, cancel = cancel,
  rejudge = rejudge, show = show, replay = replay, forget = forget,
  resume = resume, prove = prove,
}
