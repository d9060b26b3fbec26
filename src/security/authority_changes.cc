#include "security/authority_changes.h"

#include <utility>

#include "base/log.h"

namespace dunlin::security {

void AuthorityChanges::record(const Event& event, AuditOutcome outcome, Done<void> done) {
  std::vector<store::Change> changes;
  changes.push_back(audit_change(tenant_, parts_.clock.wall_now(),
                                 {.actor = event.actor,
                                  .action = event.action,
                                  .object = event.object,
                                  .outcome = outcome,
                                  .detail = event.detail}));
  parts_.repository.write(parts_.executor, std::move(changes),
                          [done = std::move(done)](auto written) mutable {
                            if (!written) return done(std::unexpected(written.error()));
                            done({});
                          });
}

/// Not inside the caller's call.
template <class T>
void AuthorityChanges::refuse(const Error& why, Done<T> done) {
  parts_.executor.post([why, done = std::move(done)]() mutable { done(std::unexpected(why)); });
}

/// Records the event, then runs `work` on a worker.
template <class T>
void AuthorityChanges::change(Event event, std::function<Result<T>()> work, Done<T> done) {
  record(event, AuditOutcome::ok,
         [this, event, work = std::move(work), done = std::move(done)](Result<void> recorded) mutable {
           if (!recorded) return done(std::unexpected(recorded.error()));
           parts_.workers.run(
               [this, event = std::move(event), work = std::move(work), done = std::move(done)]() mutable {
                 Result<T> made = work();
                 parts_.executor.post([this, event = std::move(event), made = std::move(made),
                                       done = std::move(done)]() mutable {
                   if (event.listeners == Event::Listeners::follow) adopt();
                   if (made) return done(std::move(made));
                   event.detail = made.error().message;
                   record(event, AuditOutcome::failed,
                          [made = std::move(made), done = std::move(done)](const Result<void>&) mutable {
                            done(std::move(made));
                          });
                 });
               });
         });
}

/// The change is made; if the listeners cannot follow, the next start does.
void AuthorityChanges::adopt() {
  if (!adopt_) return;
  if (const auto adopted = adopt_(); !adopted) {
    log::error("security", "the listeners use the authorities of before", {{"why", adopted.error().message}});
  }
}

void AuthorityChanges::rotate(Actor actor, std::string to, Done<IssuerStatus> done) {
  change<IssuerStatus>(
      {std::move(actor), "ca.rotate", to, to.empty() ? "a new intermediate" : "", Event::Listeners::follow},
      [this, to]() -> Result<IssuerStatus> {
        DUNLIN_TRY(IssuerStatus issuer, to.empty() ? parts_.pki.rotate() : parts_.pki.use_issuer(to));
        DUNLIN_CHECK(parts_.pki.renew_server_certificate_if_due());
        return issuer;
      },
      std::move(done));
}

void AuthorityChanges::request(Actor actor, Done<std::string> done) {
  change<std::string>(
      {std::move(actor), "ca.request", {}, {}, Event::Listeners::stay},
      [this] { return parts_.pki.request_intermediate(); }, std::move(done));
}

void AuthorityChanges::import(Actor actor, std::string chain_pem, Pki::Import what, Done<IssuerStatus> done) {
  const auto ders = certificates_from_pem(chain_pem);
  if (!ders) return refuse(ders.error(), std::move(done));
  const auto info = parse_certificate(as_bytes(ders->front()));
  if (!info) return refuse(info.error(), std::move(done));
  change<IssuerStatus>(
      {std::move(actor), "ca.import", info->key_id, what == Pki::Import::issues ? "" : "trusted only",
       Event::Listeners::follow},
      [this, chain = std::move(chain_pem), what]() -> Result<IssuerStatus> {
        DUNLIN_TRY(IssuerStatus issuer, parts_.pki.import_intermediate(chain, what));
        DUNLIN_CHECK(parts_.pki.renew_server_certificate_if_due());
        return issuer;
      },
      std::move(done));
}

void AuthorityChanges::forget(Actor actor, Forgetting wanted, Done<Forgotten> done) {
  if (const auto allowed = parts_.pki.check_may_forget(wanted.issuer); !allowed)
    return refuse(allowed.error(), std::move(done));
  std::string issuer = wanted.issuer;
  parts_.certificates.usable_of(
      parts_.executor, issuer,
      [this, actor = std::move(actor), issuer, wanted = std::move(wanted),
       done = std::move(done)](Result<std::size_t> count) mutable {
        if (!count) return done(std::unexpected(count.error()));
        if (*count == 0) return forget_now(std::move(actor), {}, wanted, std::move(done));
        if (wanted.remaining == Remaining::must_be_none)
          return done(
              fail(Errc::conflict, std::to_string(*count) +
                                       " certificates of it can still be used: let their devices renew "
                                       "them, or have them revoked with it"));
        parts_.certificates.revoke_of(
            parts_.executor, actor, issuer,
            [this, actor, wanted,
             done = std::move(done)](Result<std::vector<CertificateRecord>> revoked) mutable {
              if (!revoked) return done(std::unexpected(revoked.error()));
              Forgotten forgotten;
              forgotten.revoked = *std::move(revoked);
              forget_now(std::move(actor), std::move(forgotten), wanted, std::move(done));
            });
      });
}

void AuthorityChanges::forget_now(Actor actor, Forgotten forgotten, const Forgetting& wanted,
                                  Done<Forgotten> done) {
  std::optional<RevocationReason> revoke;
  std::string detail;
  if (wanted.remaining == Remaining::are_revoked) {
    revoke = wanted.reason;
    detail = "revoked: " + std::string(reason_name(wanted.reason));
  }
  change<IssuerStatus>(
      {std::move(actor), "ca.forget", wanted.issuer, std::move(detail), Event::Listeners::follow},
      [this, issuer = wanted.issuer, revoke] { return parts_.pki.forget_issuer(issuer, revoke); },
      [this, forgotten = std::move(forgotten), done = std::move(done)](Result<IssuerStatus> gone) mutable {
        if (!gone) return done(std::unexpected(gone.error()));
        warn_of_root_lists(parts_.pki);
        forgotten.issuer = *std::move(gone);
        done(std::move(forgotten));
      });
}

void AuthorityChanges::import_list(Actor actor, std::string list_pem, Done<RootStatus> done) {
  change<RootStatus>(
      {std::move(actor), "ca.import-list", {}, {}, Event::Listeners::stay},
      [this, list = std::move(list_pem)] { return parts_.pki.import_root_list(list); }, std::move(done));
}

void AuthorityChanges::export_root(Actor actor, Secret passphrase, Done<Secret> done) {
  // shared: std::function copies what it holds, and a secret is not copied.
  auto held = std::make_shared<Secret>(std::move(passphrase));
  change<std::string>(
      {std::move(actor), "ca.export-root", {}, {}, Event::Listeners::stay},
      [this, held] { return parts_.pki.export_root_key(held->view()); },
      [done = std::move(done)](Result<std::string> key) mutable {
        if (!key) return done(std::unexpected(key.error()));
        done(Secret(*std::move(key)));
      });
}

void AuthorityChanges::remove_root(Actor actor, std::string exported, Secret passphrase, Done<void> done) {
  auto held = std::make_shared<Secret>(std::move(passphrase));  // shared: as above
  change<void>(
      {std::move(actor), "ca.remove-root", {}, {}, Event::Listeners::stay},
      [this, held, exported = std::move(exported)] {
        return parts_.pki.remove_root_key(exported, held->view());
      },
      std::move(done));
}

}  // namespace dunlin::security
