#include "net/x509_read.h"

#include <algorithm>
#include <ctime>

namespace dunlin::net {

std::vector<std::uint8_t> der_of(const X509& certificate) {
  std::vector<std::uint8_t> der(static_cast<std::size_t>(std::max(i2d_X509(&certificate, nullptr), 0)));
  unsigned char* out = der.data();
  if (!der.empty()) i2d_X509(&certificate, &out);
  return der;
}

std::optional<WallTime> time_of(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return std::nullopt;
  return WallTime{std::chrono::seconds{timegm(&fields)}};
}

}  // namespace dunlin::net
