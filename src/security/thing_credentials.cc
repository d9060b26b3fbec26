#include "security/thing_credentials.h"

#include <limits>
#include <unordered_map>
#include <utility>

#include "security/limits.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;
using OptionalDocument = std::optional<Document>;

constexpr std::size_t kPage = 500;
constexpr std::string_view kSystem = "system";

}  // namespace

/// Gathers the changes for one write, and what the index must know once they are durable.
class ThingCredentials::Gathering {
 public:
  Gathering(const Parts& parts, TenantId tenant, Actor actor)
      : parts_(parts), tenant_(tenant), actor_(std::move(actor)), now_(parts.clock.wall_now()) {}

  void audit(std::string_view action, std::string_view object, std::string_view detail = {}) {
    changes_.push_back(
        audit_change(tenant_, now_, {.actor = actor_, .action = action, .object = object, .detail = detail}));
  }
  void revoke(CertificateRecord record, std::uint64_t version, Occasion occasion) {
    const bool removed = occasion == Occasion::removed;
    record.state = CertificateRecord::State::revoked;
    record.revoked_at = unix_milliseconds(now_);
    record.reason = removed ? kThingRemoved : kCessationOfOperation;
    changes_.push_back(put_change(DocumentKind::certificate, tenant_, document_of(record), version));
    audit("certificate.revoke", record.fingerprint,
          (removed ? "with its thing " : "with the decommissioning of ") + record.thing);
    fingerprints_.push_back(std::move(record.fingerprint));
  }
  void remove_token(const std::string& id) {
    changes_.push_back(remove_change(DocumentKind::token, tenant_, id));
    audit("token.delete", id);
  }
  void remove_keys(std::string_view thing) {
    changes_.push_back(remove_change(DocumentKind::thing_keys, tenant_, std::string(thing)));
  }
  void remove_scram(std::string_view thing) {
    changes_.push_back(
        remove_change(DocumentKind::scram, tenant_, scram_id(ScramRecord::Owner::thing, thing)));
  }
  Withdrawal take() {
    return {std::exchange(changes_, {}),
            [&revocations = parts_.revocations, fingerprints = std::exchange(fingerprints_, {})] {
              for (const std::string& fingerprint : fingerprints) revocations.add(fingerprint);
            }};
  }
  bool empty() const { return changes_.empty(); }

 private:
  const Parts& parts_;
  TenantId tenant_;
  Actor actor_;
  WallTime now_;
  std::vector<Change> changes_;
  std::vector<std::string> fingerprints_;
};

void ThingCredentials::withdraw(Executor& reply_to, Actor actor, std::string thing, Occasion occasion,
                                Done<Withdrawal> done) {
  store::Query tokens;
  tokens.kind = DocumentKind::token;
  tokens.tenant = tenant_.value;
  tokens.equals = {{"owner", token_owner_key(TokenType::device, thing)}};
  tokens.limit = kMaxTokensPerOwner * 2;
  store::Query certificates;
  certificates.kind = DocumentKind::certificate;
  certificates.tenant = tenant_.value;
  certificates.equals = {{"thing", thing}, {"state", "active"}};
  certificates.limit = kMaxWithdrawn;
  Gathering gathering(parts_, tenant_, std::move(actor));
  if (occasion == Occasion::removed) gathering.audit("thing.delete", thing);
  gathering.remove_scram(thing);
  gathering.remove_keys(thing);
  parts_.repository.find(
      reply_to, std::move(tokens),
      [this, &reply_to, occasion, gathering = std::move(gathering), certificates = std::move(certificates),
       done = std::move(done)](Result<Documents> held) mutable {
        if (!held) return done(std::unexpected(held.error()));
        for (const Document& token : *held) gathering.remove_token(token.id);
        parts_.repository.find(reply_to, std::move(certificates),
                               [occasion, gathering = std::move(gathering),
                                done = std::move(done)](Result<Documents> found) mutable {
                                 if (!found) return done(std::unexpected(found.error()));
                                 for (const Document& stored : *found) {
                                   // One that cannot be read is refused as it is.
                                   if (auto record = certificate_of(stored))
                                     gathering.revoke(*std::move(record), stored.version, occasion);
                                 }
                                 done(gathering.take());
                               });
      });
}

struct ThingCredentials::Sweep {
  Executor& reply_to;
  Done<std::size_t> done;
  Gathering gathering;
  DocumentKind kind = DocumentKind::certificate;
  Documents page{};
  std::size_t at = 0;  // of the page
  /// When the present thing of that name was made; nullopt: there is none. Of this page's owners.
  std::unordered_map<std::string, std::optional<std::int64_t>> things{};
  std::size_t found = 0;
};

void ThingCredentials::sweep(Executor& reply_to, Done<std::size_t> done) {
  next_page(std::make_shared<Sweep>(Sweep{reply_to, std::move(done), Gathering(parts_, tenant_, kSystem)}));
}

void ThingCredentials::next_page(SweepRef sweep) {
  store::Query query;
  query.kind = sweep->kind;
  query.tenant = tenant_.value;
  if (sweep->kind == DocumentKind::certificate) query.equals = {{"state", "active"}};
  if (!sweep->page.empty()) query.after_id = sweep->page.back().id;
  query.limit = kPage;
  parts_.repository.find(sweep->reply_to, std::move(query), [this, sweep](Result<Documents> found) {
    if (!found) return sweep->done(std::unexpected(found.error()));
    sweep->page = *std::move(found);
    sweep->at = 0;
    sweep->things.clear();
    next_document(sweep);
  });
}

void ThingCredentials::next_document(SweepRef sweep) {
  for (; sweep->at < sweep->page.size(); ++sweep->at) {
    const Document& stored = sweep->page[sweep->at];
    const bool is_certificate = sweep->kind == DocumentKind::certificate;
    const auto certificate = is_certificate ? certificate_of(stored) : fail(Errc::not_found, "");
    const auto token = is_certificate ? fail(Errc::not_found, "") : token_of(stored);
    if (!certificate && (!token || token->type != TokenType::device)) continue;
    if (certificate && certificate->use != CertificateRecord::Use::device) continue;
    const std::string& owner = certificate ? certificate->thing : token->owner;
    const auto thing = sweep->things.find(owner);
    if (thing == sweep->things.end()) return look_up_thing(std::move(sweep), owner);
    const std::int64_t made_at = certificate ? certificate->created_at : token->created_at;
    if (thing->second && made_at >= *thing->second) continue;
    ++sweep->found;
    if (certificate) {
      sweep->gathering.revoke(*certificate, stored.version, Occasion::removed);
    } else {
      sweep->gathering.remove_token(token->id);
    }
  }
  end_page(std::move(sweep));
}

void ThingCredentials::look_up_thing(SweepRef sweep, std::string name) {
  parts_.repository.get(sweep->reply_to, DocumentKind::thing, tenant_.value, name,
                        [this, sweep, name](Result<OptionalDocument> found) {
                          if (!found) return sweep->done(std::unexpected(found.error()));
                          std::optional<std::int64_t>& made_at = sweep->things[name];
                          if (*found) {
                            const auto thing = thing_of(**found);
                            // A thing that cannot be read keeps what it has until somebody has looked at it.
                            made_at = thing ? thing->created_at : std::numeric_limits<std::int64_t>::min();
                          }
                          next_document(sweep);
                        });
}

void ThingCredentials::end_page(SweepRef sweep) {
  const bool last = sweep->page.size() < kPage;
  const auto go_on = [this, sweep, last] {
    if (!last) return next_page(sweep);
    if (sweep->kind == DocumentKind::token) return sweep->done(sweep->found);
    sweep->kind = DocumentKind::token;
    sweep->page.clear();
    next_page(sweep);
  };
  if (sweep->gathering.empty()) return go_on();
  Withdrawal page = sweep->gathering.take();
  parts_.repository.write(sweep->reply_to, std::move(page.changes),
                          [sweep, go_on, stored = std::move(page.stored)](auto written) mutable {
                            if (!written) return sweep->done(std::unexpected(written.error()));
                            stored();
                            go_on();
                          });
}

}  // namespace dunlin::security
