/*
 * facts.c: everything that a routing is decided from, as the one object that score.h describes. It is kept with the decision, sealed under the
 * patient's key: where somebody lives and how they are insured is theirs.
 */
#include "router/router.h"
#include "router/scored/scored.h"

#define MOST_INPUTS ((size_t)4 * 1024 * 1024)

static const char place_sql[] = "SELECT latitude::text, longitude::text, located FROM zip_location($1)";
static const char today_sql[] = "SELECT (now() AT TIME ZONE 'UTC')::date::text AS today";
/* What is fixed about each pharmacy, as members of an object that is still open: what of its day is taken follows. */
static const char network_sql[] =
	"SELECT p.id, left(f.members, -1) AS members FROM pharmacies p"
	"  LEFT JOIN LATERAL zip_location(p.zip) z ON true"
	"  CROSS JOIN LATERAL (SELECT jsonb_build_object('pharmacyId', p.id, 'name', p.name, 'status', p.status, 'states', p.states,"
	"    'latitude', z.latitude, 'longitude', z.longitude, 'serviceMiles', p.service_miles, 'drugs', p.drugs,"
	"    'maxDaysSupply', p.max_days_supply, 'coldChain', p.cold_chain, 'controlled', p.controlled, 'dea', p.dea IS NOT NULL,"
	"    'contracts', (SELECT coalesce(jsonb_agg(jsonb_build_object('payer', c.payer, 'bin', c.bin, 'tier', c.tier,"
	"      'from', c.starts_on, 'until', c.ends_on) ORDER BY c.id), '[]') FROM pharmacy_contracts c WHERE c.pharmacy_id = p.id),"
	"    'openRx', p.open_rx, 'maxConcurrentRx', p.max_concurrent_rx, 'accuracy', p.accuracy, 'satisfaction', p.satisfaction,"
	"    'fulfillmentHours', p.fulfillment_hours)::text AS members) f"
	" WHERE p.status <> 'closed' ORDER BY p.id";

int
facts_start(const struct conf *conf, struct problem *err)
{
	struct weights weights;

	return weights_parse(conf_str(conf, "ROUTING_WEIGHTS"), &weights, err);
}

static void
write_rules(struct json_writer *w, const struct conf *conf, const struct weights *weights)
{
	jw_object(w, "rules");
	jw_object(w, "weights");
	for (int f = 0; f < FACTORS; f++)
		jw_int(w, factor_names[f], weights->of[f]);
	jw_end(w);
	jw_int(w, "miles", conf_int(conf, "ROUTING_MILES"));
	jw_int(w, "cutoff", conf_int(conf, "ROUTING_CUTOFF"));
	jw_str(w, "excludedStates", conf_str(conf, "EXCLUDED_STATES"));
	jw_end(w);
}

static int
write_place(struct db *db, struct json_writer *w, const json_t *address, struct problem *err)
{
	const char *zip = json_text_at(address, "zip");
	const struct row *place;

	if (db_one(db, &place, place_sql, err, P_TEXT(zip)) < 0)
		return -1;
	jw_object(w, "to");
	jw_str(w, "state", json_text_at(address, "state"));
	jw_str(w, "zip", zip);
	if (place != NULL) {
		jw_raw(w, "latitude", row_str(place, "latitude"));
		jw_raw(w, "longitude", row_str(place, "longitude"));
	}
	jw_str(w, "located", place != NULL ? row_str(place, "located") : "unknown");
	jw_end(w);
	return 0;
}

static void
write_wants(struct json_writer *w, const json_t *rx, const json_t *insurance)
{
	const json_t *drug = json_object_get(rx, "medication");
	const char *schedule = json_text_at(drug, "schedule");

	jw_object(w, "drug");
	jw_str(w, "ndc", json_text_at(drug, "ndc"));
	jw_int(w, "daysSupply", json_int_at(drug, "days_supply", 0));
	jw_bool(w, "coldChain", json_is_true(json_object_get(drug, "cold_chain")));
	jw_bool(w, "controlled", schedule != NULL && strcmp(schedule, "none") != 0);
	jw_end(w);
	jw_object(w, "insurance");
	jw_str(w, "carrier", json_text_at(insurance, "carrier"));
	jw_str(w, "bin", json_text_at(insurance, "bin"));
	jw_str(w, "planType", json_text_at(insurance, "plan_type"));
	jw_end(w);
}

static int
write_network(struct db *db, struct json_writer *w, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct rows *rows;

	if (db_all(db, &rows, network_sql, err) < 0)
		return -1;
	jw_array(w, "pharmacies");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *p = rows_at(rows, i);
		struct load load;

		if (capacity_of(db, row_uuid(p, "id"), &load, err) < 0)
			return -1;
		jw_raw(w, NULL, arena_printf(a, "%s, \"currentDailyRx\": %lld, \"maxDailyRx\": %lld}", row_str(p, "members"), (long long)load.current,
		    (long long)load.most));
	}
	jw_end(w);
	return 0;
}

json_t *
facts_gather(struct db *db, const struct conf *conf, const struct routing *g, const json_t *rx, const json_t *insurance, struct bytes *text,
    struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), MOST_INPUTS);
	struct weights weights;
	struct json_writer w;
	const struct row *day;

	if (weights_parse(conf_str(conf, "ROUTING_WEIGHTS"), &weights, err) < 0 || db_one(db, &day, today_sql, err) < 0)
		return NULL;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	write_rules(&w, conf, &weights);
	jw_str(&w, "on", row_str(day, "today"));
	jw_raw(&w, "leftOut", g->left_out);
	write_wants(&w, rx, insurance);
	if (write_place(db, &w, json_at(rx, "patient.address"), err) < 0 || write_network(db, &w, err) < 0)
		return NULL;
	jw_end(&w);
	if (!jw_ok(&w)) {
		(void)problem(err, 500, "too_many_pharmacies", "what a routing is decided from passes %zu bytes", MOST_INPUTS);
		return NULL;
	}
	*text = BYTES(b.data, b.len);
	/* What decides is what is kept. */
	return json_read(db_current_arena(db), b.data, b.len, err);
}

json_t *
facts_open(struct db *db, const struct routing *g, struct problem *err)
{
	struct bytes plain;

	if (vault_open(db, "routings", "inputs_enc", g->id, g->inputs_enc, &plain, err) < 0)
		return NULL;
	return json_read(db_current_arena(db), (const char *)plain.p, plain.n, err);
}
