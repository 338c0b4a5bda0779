"""Deterministic PostHog-like data set.  generate.py --rows 1000000 --out FOLDER [--users N] [--days 90] [--ndjson N]
Writes events/*.parquet (arrival order, zstd), persons, distinct_ids, groups .parquet, events.ndjson (first N), meta.json"""
import argparse, json, os, time
import numpy as np, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq

ap = argparse.ArgumentParser()
ap.add_argument("--rows", type=int, default=1_000_000); ap.add_argument("--users", type=int, default=0)
ap.add_argument("--days", type=int, default=90); ap.add_argument("--out", required=True)
ap.add_argument("--ndjson", type=int, default=0); ap.add_argument("--seed", type=int, default=7)
a = ap.parse_args()
N, D = a.rows, a.days
U = a.users or max(1000, N // 50)
rng = np.random.default_rng(a.seed)
END = int(np.datetime64("2026-06-30T00:00:00", "ms").astype(np.int64)); DAY = 86_400_000
T0 = END - D * DAY
os.makedirs(a.out + "/events", exist_ok=True)

HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), np.uint8).reshape(256, 2)
def fixed_str(m):  # [n,w] uint8 -> arrow string array, no copies
    n, w = m.shape
    return pa.StringArray.from_buffers(n, pa.py_buffer(np.arange(n + 1, dtype=np.int32) * w), pa.py_buffer(np.ascontiguousarray(m)))
def uuid_str(b):  # [n,16] uint8 -> 8-4-4-4-12
    h = HEX[b].reshape(len(b), 32); o = np.full((len(b), 36), ord("-"), np.uint8)
    for d, s, l in ((0, 0, 8), (9, 8, 4), (14, 12, 4), (19, 16, 4), (24, 20, 12)): o[:, d:d + l] = h[:, s:s + l]
    return fixed_str(o)
def rbytes(n, r=rng): return np.frombuffer(r.bytes(n * 16), np.uint8).reshape(n, 16).copy()
def v7(ts, r):
    b = rbytes(len(ts), r); be = ts.astype(">u8").view(np.uint8).reshape(-1, 8)
    b[:, :6] = be[:, 2:]; b[:, 6] = b[:, 6] & 15 | 0x70; b[:, 8] = b[:, 8] & 63 | 0x80
    return b
def v4(n, r=rng):
    b = rbytes(n, r); b[:, 6] = b[:, 6] & 15 | 0x40; b[:, 8] = b[:, 8] & 63 | 0x80
    return b
def zipf(n, s, off=1.0):
    w = 1.0 / (np.arange(n) + off) ** s
    return w / w.sum()
def pick(p, n, r=rng): return np.minimum(np.searchsorted(np.cumsum(p), r.random(n)), len(p) - 1).astype(np.int32)
cat = lambda *xs: pc.binary_join_element_wise(*[x if isinstance(x, (pa.Array, pa.ChunkedArray)) else pa.scalar(x) for x in xs], "")
tostr = lambda x: pa.array(x).cast(pa.string())

# ---- users, persons, groups
team = np.array([1, 2, 3], np.int32)[pick([.80, .15, .05], U)]
DEV = ["Desktop", "Mobile", "Tablet"]; dev = pick([.62, .33, .05], U)
BROW = ["Chrome", "Safari", "Firefox", "Microsoft Edge", "Opera", "Brave", "Vivaldi", "DuckDuckGo", "Internet Explorer", "Arc", "Yandex", "Chromium", "Konqueror", "SeaMonkey", "Whale",
        "Chrome", "Mobile Safari", "Samsung Internet", "Chrome iOS", "Firefox iOS", "Android Mobile", "Facebook Mobile", "UC Browser", "Opera Mini", "MIUI Browser", "Silk", "Huawei Browser", "QQ Browser", "BlackBerry", "Instagram", "Google Search App", "Ecosia", "Quark", "Puffin"]
bd, bm = zipf(15, 1.6), zipf(19, 1.3)
brow = np.where(dev == 0, pick(bd, U), 15 + pick(bm, U))
OS = ["Windows", "Mac OS X", "Linux", "Chrome OS", "Android", "iOS"]
osx = np.where(dev == 0, pick([.6, .3, .07, .03], U), 4 + pick([.5, .5], U))
SW = [1920, 1440, 1366, 2560, 1536, 1280, 1680, 3840, 390, 393, 412, 360, 414, 375, 430, 768]
SH = [1080, 900, 768, 1440, 864, 720, 1050, 2160, 844, 852, 915, 800, 896, 667, 932, 1024]
scr = np.where(dev == 0, pick(zipf(8, .9), U), 8 + pick(zipf(8, .6), U))
PLAN = ["free", "pro", "team", "enterprise"]; plan = pick([.7, .18, .09, .03], U); paid = plan > 0
CC = "US GB DE FR IN BR CA AU NL ES IT PL SE JP KR MX ID TR PT CH AT BE DK NO FI IE IL SG ZA AR CO CL UA RO CZ GR HU NZ PH VN".split()
ctry = pick(zipf(len(CC), 1.0), U)
NORG = 5000 if N >= 200_000 else 500; NPROJ = NORG * 4
org = np.where(rng.random(U) < .7, pick(zipf(NORG, .7), U), -1); proj = np.where(org >= 0, org * 4 + rng.integers(0, 4, U), -1)
signup = np.where(rng.random(U) < .6, T0 - rng.integers(0, 400, U) * DAY, T0 + (rng.random(U) * (D - .1) * DAY).astype(np.int64))
extra = np.where(rng.random(U) < .02, rng.integers(1, 3, U), 0)   # 2% of users have 1-2 further distinct ids
base_x = U + np.concatenate(([0], np.cumsum(extra)[:-1])); ND = U + int(extra.sum())
owner = np.concatenate((np.arange(U), np.repeat(np.arange(U), extra)))
person = v4(ND); person_s = uuid_str(person)
merged_at = signup + rng.integers(0, 20, U) * DAY
mail = cat("user", tostr(np.arange(U)), "@", pa.array(["gmail.com", "acme.io", "example.com", "corp.example.org"]).take(pa.array(pick([.5, .2, .2, .1], U))))
did_all = pa.concat_arrays([pc.if_else(pa.array(rng.random(U) < .5), mail, uuid_str(v7(signup.clip(0), rng))), uuid_str(v7(signup[owner[U:]].clip(0), rng))])
LIBV = [f"1.{200 + i}.{i % 4}" for i in range(12)]
T = lambda l: pa.array(l).take
q = lambda v: cat('"', v, '"')
ufrag = cat('"$os":"', T(OS)(pa.array(osx)), '","$browser":"', T(BROW)(pa.array(brow)), '","$browser_version":', tostr(rng.integers(90, 130, U)),
    ',"$device_type":"', T(DEV)(pa.array(dev)), '","$screen_height":', T([str(x) for x in SH])(pa.array(scr)), ',"$screen_width":', T([str(x) for x in SW])(pa.array(scr)),
    ',"$lib":"web","$lib_version":"', T(LIBV)(pa.array(pick(zipf(12, .8), U))), '","plan":"', T(PLAN)(pa.array(plan)), '","is_paid":', T(["false", "true"])(pa.array(paid.astype(np.int8))))
HOST = ["https://app.hedgebox.example", "https://www.shoply.example", "https://docs.mediakit.example"]
tok = pa.array([f"phc_{x}" for x in ("Zk3qW8vN1tR5yB7mC2xL9pD4sF6gH0jK", "aQ2wE4rT6yU8iO0pS1dF3gH5jK7lZ9xC", "mN1bV3cX5zL7kJ9hG2fD4sA6pO8iU0yT")])
org_s = pc.if_else(pa.array(org >= 0), cat("org_", tostr(org)), ""); proj_s = pc.if_else(pa.array(org >= 0), cat("proj_", tostr(proj)), "")
gfrag = pc.if_else(pa.array(org >= 0), cat(',"$groups":{"organization":"', org_s, '","project":"', proj_s, '"}'), "")
# persons: 1-3 versions, the last one counts
nv = 1 + pick([.6, .3, .1], U); pu = np.repeat(np.arange(U), nv); ver = np.arange(len(pu)) - np.repeat(np.cumsum(nv) - nv, nv)
last = ver == nv[pu] - 1
pc_c = np.where(last, ctry[pu], rng.integers(0, len(CC), len(pu))); pc_p = np.where(last, plan[pu], 0)
iso = lambda ms: pc.strftime(pa.array(ms, pa.timestamp("ms")), "%Y-%m-%dT%H:%M:%S")
tk = lambda arr, i: arr.take(pa.array(i))
pq.write_table(pa.table({"team_id": team[pu], "id": tk(person_s, pu), "version": ver.astype(np.int64), "is_deleted": ((rng.random(len(pu)) < .005) & last).astype(np.int8),
    "created_at": pa.array(signup[pu], pa.timestamp("ms")),
    "properties": cat('{"email":"', tk(mail, pu), '","plan":"', T(PLAN)(pa.array(pc_p)), '","country":"', T(CC)(pa.array(pc_c)), '","created_at":"', iso(signup[pu]), '","$initial_referrer":"$direct","name":"User ', tostr(pu), '"}')}), a.out + "/persons.parquet", compression="zstd")
x = np.arange(U, ND)
pq.write_table(pa.table({"team_id": np.concatenate((team, team[owner[x]], team[owner[x]])), "distinct_id": pa.concat_arrays([did_all, did_all.slice(U)]),
    "person_id": pa.concat_arrays([person_s, tk(person_s, owner[x])]), "version": np.concatenate((np.zeros(ND, np.int64), np.ones(len(x), np.int64)))}), a.out + "/distinct_ids.parquet", compression="zstd")
IND = ["software", "retail", "finance", "health", "education", "media", "gaming", "travel", "food", "energy", "legal", "logistics", "nonprofit", "government", "telecom"]
gk, gp, gt, gi, gv = [], [], [], [], []
for t in (1, 2, 3):
    for ty, n, pre in ((0, NORG, "org"), (1, NPROJ, "proj")):
        ind, emp = pick(zipf(15, .6), n), rng.integers(1, 5000, n)
        for i in range(n):
            for v in range(1 + (i % 5 == 0)):
                gk.append(f"{pre}_{i}"); gt.append(t); gi.append(ty); gv.append(v)
                gp.append(json.dumps({"name": f"{pre.title()} {i}", "industry": IND[(ind[i] + (1 - v if i % 5 == 0 else 0)) % 15], "employees": int(emp[i]), "plan": PLAN[i % 4]}))
pq.write_table(pa.table({"team_id": np.array(gt, np.int32), "group_type_index": np.array(gi, np.int8), "group_key": gk, "version": np.array(gv, np.int64), "group_properties": gp}), a.out + "/groups.parquet", compression="zstd")

# ---- sessions -> events
ln = rng.geometric(1 / 12., int(N / 12 * 1.05) + 2000); S = int(np.searchsorted(np.cumsum(ln), N)) + 1
ln = ln[:S]; ln[-1] -= int(ln.sum()) - N; ln = ln[ln > 0]; S = len(ln)
su = rng.permutation(U).astype(np.int32)[pick(zipf(U, .8, 20), S)]
wd = (np.arange(D) + (T0 // DAY + 3)) % 7   # 1970-01-01 was a Thursday, 0 = Monday
pday = np.where(wd >= 5, .55, 1.0) * (1 + .3 * np.arange(D) / D); pday /= pday.sum()
hr = np.array([3, 2, 2, 2, 2, 3, 4, 6, 9, 11, 12, 12, 11, 12, 13, 13, 12, 11, 10, 9, 9, 8, 6, 4], float); hr /= hr.sum()
day = pick(pday, S).astype(np.int64); sd = (signup[su] - T0) // DAY
day = np.where(day < sd, sd + (rng.random(S) * (D - sd)).astype(np.int64), day).clip(0, D - 1)
st = T0 + day * DAY + pick(hr, S).astype(np.int64) * 3_600_000 + rng.integers(0, 3_600_000, S)
sx = np.where(extra[su] > 0, rng.integers(0, 3, S) % (extra[su] + 1), 0); sdid = np.where(sx == 0, su, base_x[su] + sx - 1).astype(np.int32)
sess = np.repeat(np.arange(S, dtype=np.int32), ln)
gap = rng.exponential(40_000, N).astype(np.int64) + 1
c = np.cumsum(gap); ts = st[sess] + c - np.repeat(c[np.cumsum(ln) - ln], ln); del c, gap
ts = np.where(ts >= END, 2 * END - 1 - ts, ts)   # mirror what runs past the end (no pile-up of equal times)
order = np.argsort(ts, kind="stable"); ts = ts[order]; sess = sess[order]; del order
EV = ["$pageview", "$autocapture", "$pageleave", "$identify", "$set", "$feature_flag_called", "$web_vitals", "$rageclick"]
CUST = ["add_to_cart", "search", "order_completed", "signup_started", "signup_completed", "video_played", "file_uploaded", "file_downloaded", "invite_sent", "plan_upgraded", "checkout_started", "coupon_applied", "trial_started", "dashboard_viewed", "insight_created", "export_clicked", "comment_added", "share_clicked", "filter_applied", "settings_saved", "profile_updated", "notification_opened", "email_verified", "password_reset", "support_ticket", "integration_added", "api_key_created", "report_scheduled", "team_member_added", "subscription_cancelled", "payment_failed", "refund_requested"]
EVN = EV + CUST; pe = np.concatenate(([.45, .20, .10, .02, .01, .03, .03, .01], .15 * zipf(len(CUST), .9, 2)))
spath = ["", "utm"]  # session traits
UTM = ["google", "newsletter", "twitter", "linkedin", "producthunt", "bing", "partner", "facebook"]; MED = ["cpc", "email", "social", "referral"]
sutm = np.where(rng.random(S) < .3, rng.integers(0, 8 * 4 * 40, S), -1)
REF = ["$direct", "https://www.google.com/", "https://www.google.com/search?q=product+analytics+open+source", "https://news.ycombinator.com/item?id=31415926", "https://t.co/Ab12Cd34", "https://www.linkedin.com/feed/", "https://github.com/example/example", "https://duckduckgo.com/"] + [f"https://blog{i}.example.net/posts/{i * 7919 % 1000}/why-we-moved" for i in range(300)]
RDOM = [r.split("/")[2] if "/" in r else r for r in REF]
sref = pick(np.concatenate((.8 * zipf(8, .8), .2 * zipf(300, .8))), S)
ssid = v7(st, rng)
umap = np.arange(8 * 4 * 40)
ufr = pa.array([f',"utm_source":"{UTM[i // 160]}","utm_medium":"{MED[i // 40 % 4]}","utm_campaign":"campaign_2026_q{i % 4 + 1}_{i % 40}"' for i in umap] + [""])
rfr = pa.array([f',"$referrer":"{r}","$referring_domain":"{d}"' for r, d in zip(REF, RDOM)])
r2 = np.random.default_rng(99)
W = ["insights", "dashboard", "events", "persons", "cohorts", "pricing", "Pricing-plans", "docs", "blog", "product", "checkout", "settings", "replay", "experiments", "features", "data", "community", "careers", "compare", "search"]
PATHS = ["/", "/pricing", "/login", "/signup", "/docs", "/insights", "/dashboard"] + [f"/{W[i % 20]}/{W[int(r2.integers(20))]}-{int(r2.integers(1e6)):x}" + ("" if i % 3 else f"/{int(r2.integers(1e5))}/edit") for i in range(2500)]
QS = ["?" + "&".join(f"{k}={int(r2.integers(1e9)):x}" for k in ("filter", "date_from", "breakdown", "sid")[: int(r2.integers(1, 5))]) for _ in range(6000)]
pp, pqs = zipf(len(PATHS), .95, 2), zipf(len(QS), .5)
paths, qs = pa.array(PATHS), pa.array(QS + [""]); host = pa.array(HOST)
TAGS = pa.array([f',"tags":{json.dumps(t, separators=(",", ":"))}' for t in (["beta"], ["new", "mobile"], ["vip", "eu", "trial"], [])] + [""])
MS = pa.array([f".{i:03d}" for i in range(1000)]); CT = pa.array([f".{i:02d}" for i in range(100)])
A = pa.array
schema = None; nd = open(a.out + "/events.ndjson", "wb") if a.ndjson else None; CH = 250_000; done = 0; t0 = time.time(); wr = None; raw = 0
for k, lo in enumerate(range(0, N, CH)):
    r = np.random.default_rng([a.seed, k]); hi = min(N, lo + CH); n = hi - lo
    t, s = ts[lo:hi], sess[lo:hi]; u = su[s]; d = sdid[s]; e = pick(pe, n, r)
    url_p = tk(paths, pick(pp, n, r)); url = cat(tk(host, team[u] - 1), url_p, tk(qs, np.where(r.random(n) < .25, pick(pqs, n, r), len(QS))))
    cust = e >= len(EV); cents = np.where(r.random(n) < .3, 0, 99) + 100 * np.minimum((r.lognormal(3.3, 1.1, n)).astype(np.int64) + 1, 20000)
    amt = pc.if_else(A(cust | (e == 5)), cat(',"amount":', tostr(cents // 100), tk(CT, cents % 100)), "")
    it = r.integers(1, 9, n)
    cart = pc.if_else(A(cust), cat(',"cart":{"items":', tostr(it), ',"coupon":', A(["null", '"SPRING"', '"VIP10"']).take(A(pick([.8, .15, .05], n, r))), ',"total":{"currency":"USD","cents":', tostr(cents * it), '}}'), "")
    ins = HEX[r.integers(0, 256, (n, 8), dtype=np.uint8)].reshape(n, 16)
    props = cat("{", tk(ufrag, u), ',"$current_url":"', url, '","$pathname":"', url_p, '","$insert_id":"', fixed_str(ins), '","$time":', tostr(t // 1000), tk(MS, t % 1000),
        tk(rfr, sref[s]), ',"token":"', tk(tok, team[u] - 1), '","$session_id":"', uuid_str(ssid[s]), '"', tk(ufr, np.where(sutm[s] < 0, len(umap), sutm[s])), tk(gfrag, u), amt, cart,
        tk(TAGS, np.where(r.random(n) < .15, r.integers(0, 4, n), 4)), "}")
    pid = np.where((d >= U) & (t >= merged_at[u]), u, d)
    ev = tk(A(EVN), e); uu = uuid_str(v7(t, r)); di = tk(did_all, d); pi = tk(person_s, pid); g0, g1 = tk(org_s, u), tk(proj_s, u)
    tab = pa.table({"uuid": uu, "team_id": team[u], "event": ev, "timestamp": A(t, pa.timestamp("ms")), "distinct_id": di, "person_id": pi, "group_0": g0, "group_1": g1, "properties": props})
    raw += props.nbytes
    if wr is None or k % 8 == 0:
        if wr: wr.close()
        wr = pq.ParquetWriter(f"{a.out}/events/{k // 8:04d}.parquet", tab.schema, compression="zstd", use_dictionary=["event", "distinct_id", "person_id", "group_0", "group_1", "team_id"])
    wr.write_table(tab)
    if nd and lo < a.ndjson:
        m = min(n, a.ndjson - lo); sl = lambda x: x.slice(0, m)
        line = cat('{"uuid":"', sl(uu), '","team_id":', tostr(team[u[:m]]), ',"event":"', sl(ev), '","timestamp":"', iso(t[:m]), 'Z","distinct_id":"', sl(di), '","person_id":"', sl(pi), '","group_0":"', sl(g0), '","group_1":"', sl(g1), '","properties":', sl(props), "}\n")
        nd.write(memoryview(line.buffers()[2])[:np.frombuffer(line.buffers()[1], np.int32)[m]])
wr.close(); nd and nd.close()
cand = np.flatnonzero(team == 1); cnt = np.bincount(su[sess], minlength=U)[cand]
lookup = int(cand[np.argsort(cnt)[int(len(cand) * .97)]])   # a fairly active user
json.dump({"rows": N, "users": U, "days": D, "seed": a.seed, "lookup_distinct_id": did_all[lookup].as_py(), "props_bytes": raw, "gen_s": round(time.time() - t0, 1)}, open(a.out + "/meta.json", "w"))
print(open(a.out + "/meta.json").read())
