#include "service/alarm/rows.h"

#include <boost/json.hpp>

#include "model/keys.h"

namespace dunlin::alarm {

store::Put stored(const Alarm& alarm) {
  return {store::Table::alarm, model::tenant_key(alarm.tenant, alarm.id),
          boost::json::serialize(to_json(alarm))};
}

Result<Alarm> alarm_of(const store::Entry& entry) {
  if (entry.key.size() < 4) return fail(Errc::corrupt, "a stored alarm has an unknown key");
  return alarm_from_json(TenantId{model::read_big_endian_32(entry.key.substr(0, 4))}, entry.value);
}

}  // namespace dunlin::alarm
