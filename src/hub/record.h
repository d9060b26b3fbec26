#pragma once
// The bytes of the hub's records in the journal. Format: docs/formats/message.md.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/result.h"
#include "hub/message.h"

namespace dunlin::hub {

/// The kinds of the hub's records in the journal (store::Record::kind); other rooms use 16 and above.
enum class RecordKind : std::uint8_t { message = 1, release = 2, delivery = 3 };

/// A session's number, drawn when it is made: a later session of the same client id has another one.
using SessionInstance = std::uint64_t;

/// Which QoS 2 exchange of which session a record belongs to.
struct ExchangeId {
  std::string_view client_id;
  SessionInstance instance = 0;
  std::uint16_t packet_id = 0;
};

/// Appends the record of a message to `out` (cleared first, its memory is used again). `exchange` for QoS 2
/// from a session.
void encode_message(const Message& message, const ExchangeId* exchange, std::vector<std::uint8_t>& out);

struct DecodedMessage {
  Message message;  // topic and payload share the record's storage
  SessionInstance instance = 0;
  std::uint16_t packet_id = 0;
};

/// Reads records, giving consecutive messages of one publisher the same Principal. One thread.
class MessageDecoder {
 public:
  /// Errors: corrupt, unsupported (a newer version).
  Result<DecodedMessage> decode(const Slice& record);

 private:
  PrincipalRef last_;
};

/// The end of a QoS 2 exchange (PUBREL): its packet id may be used again.
struct Release {
  TenantId tenant;
  std::string client_id;
  SessionInstance instance = 0;
  std::uint16_t packet_id = 0;
};
std::vector<std::uint8_t> encode_release(TenantId tenant, const ExchangeId& exchange);
Result<Release> decode_release(ByteView record);

/// What became of a message in flight to a persistent session.
struct DeliveryNote {
  SessionInstance instance = 0;
  JournalPosition at;  // of the message
  std::uint16_t packet_id = 0;
  enum class Step : std::uint8_t {
    assigned = 1,
    received = 2,
    finished = 3,
    granted = 4  // to a member of a shared subscription, which holds it
  } step = Step::assigned;
};
/// One record of kind delivery.
std::vector<std::uint8_t> encode_deliveries(std::span<const DeliveryNote> notes);
/// Errors: corrupt, unsupported.
Result<std::vector<DeliveryNote>> decode_deliveries(ByteView record);

/// The key of a tenant's row: its number, big endian, then the text.
std::string tenant_key(TenantId tenant, std::string_view text);
struct TenantKey {
  TenantId tenant;
  std::string_view text;
};
Result<TenantKey> split_tenant_key(std::string_view key);

}  // namespace dunlin::hub
