#pragma once
// What queries know of devices: the tags that came with their measurements, and the registry's attributes.

#include <map>
#include <set>
#include <vector>

#include "service/query/tables.h"
#include "service/registry/registry.h"
#include "service/series/series_store.h"

namespace dunlin::platform {

/// Keeps the things of the registry in memory from the first query on. One executor's thread.
class ThingTags final : public query::TagSource {
 public:
  ThingTags(registry::Registry& registry, const series::SeriesStore& store);

  void load(TenantId tenant, std::move_only_function<void(Result<void>)> loaded) override;
  std::vector<std::string> names(TenantId tenant) const override;
  /// Of two of one name the one that came with the measurements.
  std::optional<std::string> tag(TenantId tenant, std::string_view device, std::string_view name) const;
  std::optional<std::string> attribute(TenantId tenant, std::string_view device,
                                       std::string_view name) const override;
  std::vector<query::ThingRow> things(TenantId tenant) const override;

 private:
  using Rows = std::map<std::string, query::ThingRow, std::less<>>;
  struct Tenant {
    enum class State : std::uint8_t { unknown, loading, known } state = State::unknown;
    Rows rows;
    std::map<std::string, std::size_t> names;  // how many things have an attribute
    std::set<std::string> changed;             // while it is being loaded: what is newer than a page
    std::vector<std::move_only_function<void(Result<void>)>> waiting;
  };
  void load_page(TenantId tenant, std::string after);
  void end_load(TenantId tenant, Result<void> result);
  void changed(TenantId tenant, const registry::Thing& thing);
  static void erase(Tenant& of, const std::string& thing);
  static void put(Tenant& of, const registry::Thing& thing);

  registry::Registry& registry_;
  const series::SeriesStore& store_;
  std::map<TenantId, Tenant> tenants_;
};

}  // namespace dunlin::platform
