#pragma once
// Keys of the keyed store: every one begins with the tenant's number, big endian, so that ranges follow
// tenants.

#include <cstdint>
#include <string>
#include <string_view>

#include "hub/principal.h"

namespace dunlin::model {

std::string big_endian_32(std::uint32_t value);
/// Orders negative numbers before positive ones.
std::string big_endian_64(std::int64_t value);
std::int64_t read_big_endian_64(std::string_view bytes);   // of exactly 8 bytes
std::uint32_t read_big_endian_32(std::string_view bytes);  // of exactly 4 bytes

/// tenant | name.
std::string tenant_key(TenantId tenant, std::string_view name);
/// The least key above every key that begins with `prefix`; empty: there is none.
std::string prefix_end(std::string prefix);

/// Where a consumer keeps how far it has come in a journal (table meta).
std::string cursor_key(std::string_view consumer, std::uint16_t journal);

}  // namespace dunlin::model
