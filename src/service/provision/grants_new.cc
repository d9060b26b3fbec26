// New authorities, codes, claim certificates and groups.
#include <boost/json.hpp>
#include <utility>

#include "security/codes.h"
#include "security/enrolment_formats.h"
#include "security/records.h"
#include "service/provision/grants.h"

namespace dunlin::provision {
namespace {

using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;

std::string proof_id(std::string_view hash) {
  return "proof:" + std::string(hash);
}

std::size_t most_of(GrantKind kind) {
  return kind == GrantKind::authority ? kMaxAuthorities : kMaxGrants;
}

}  // namespace

void Grants::add(security::Actor actor, std::string_view action, Grant grant, std::vector<store::Change> more,
                 Done<Grant> done) {
  done = counting(std::move(done));  // things of a grant of the same name may be there
  const GrantKind kind = grant.kind;
  grant.created_at = now();
  find(std::string(grant_kind_name(kind)), grant_id(kind, ""), "", most_of(kind),
       [this, actor = std::move(actor), action, grant = std::move(grant), more = std::move(more),
        done = std::move(done)](Result<Documents> held) mutable {
         if (!held) return done(std::unexpected(held.error()));
         if (held->size() >= most_of(grant.kind))
           return done(fail(Errc::limit_exceeded, "there are too many: remove one first"));
         std::vector<store::Change> changes = std::move(more);
         changes.push_back(put_change(tenant(), grant));
         changes.push_back(audit(actor, action, grant.id));
         write(std::move(changes),
               [this, grant = std::move(grant), done = std::move(done)](auto written) mutable {
                 if (!written && written.error().code == Errc::conflict)
                   return done(fail(Errc::already_exists, "it is there already, or its code was just used"));
                 if (!written) return done(std::unexpected(written.error()));
                 grant.version = 1;
                 if (grant.kind == GrantKind::authority) authorities_.put(grant);
                 done(std::move(grant));
               });
       });
}

void Grants::make_registration_code(security::Actor actor, Done<RegistrationCode> done) {
  find("proof", proof_id(""), "", kMaxRegistrationCodes,
       [this, actor = std::move(actor), done = std::move(done)](Result<Documents> held) mutable {
         if (!held) return done(std::unexpected(held.error()));
         std::vector<store::Change> changes;
         std::size_t open = 0;
         for (const Document& document : *held) {
           // The version of these documents tells nothing: they are made and removed, never changed.
           const auto body = boost::json::parse(document.body);
           const bool expired = body.at("expires_at").to_number<std::int64_t>() <= now();
           if (expired)
             changes.push_back(security::remove_change(DocumentKind::authority, tenant(), document.id));
           open += expired ? 0 : 1;
         }
         if (open >= kMaxRegistrationCodes)
           return done(fail(Errc::limit_exceeded, "too many registration codes are open; use one of them"));
         RegistrationCode code{security::make_code(parts().rng),
                               unix_milliseconds(parts().clock.wall_now() + kRegistrationCodeLifetime)};
         Document document;
         document.id = proof_id(security::code_hash(code.text.view()).value());
         document.body = boost::json::serialize(boost::json::object{{"expires_at", code.expires_at}});
         document.index = {{"what", "proof"}};
         changes.push_back(security::put_change(DocumentKind::authority, tenant(), std::move(document), 0));
         changes.push_back(audit(actor, "authority.code", "registration code"));
         write(std::move(changes), [code = std::move(code), done = std::move(done)](auto written) mutable {
           if (!written) return done(std::unexpected(written.error()));
           done(std::move(code));
         });
       });
}

void Grants::register_authority(security::Actor actor, NewAuthority wanted, Done<Grant> done) {
  const auto info = security::read_authority(wanted.pem, parts().clock.wall_now());
  if (!info) return done(std::unexpected(info.error()));
  const auto ours = security::certificates_from_pem(parts().pki.client_ca_pem());
  for (const std::string& der : *ours) {
    if (security::sha256_hex(as_bytes(der)) == info->fingerprint)
      return done(fail(Errc::invalid_argument, "this is the server's own authority"));
  }
  const auto proof = security::certificates_from_pem(wanted.proof_pem);
  if (!proof || proof->size() != 1)
    return done(fail(Errc::invalid_argument, "\"proof\" must be one certificate in PEM form"));
  const auto named = security::parse_certificate(as_bytes(proof->front()));
  if (!named) return done(std::unexpected(named.error()));
  const std::vector<std::string> anchor{wanted.pem};
  const auto chain = security::find_chain({.leaf_der = proof->front(),
                                           .intermediates_pem = {},
                                           .anchors = anchor,
                                           .at = parts().clock.wall_now()});
  if (!chain)
    return done(
        fail(Errc::permission_denied, "the proof is not signed by this authority: " + chain.error().message));
  const auto hash = security::code_hash(named->common_name);
  if (!hash) return done(fail(Errc::permission_denied, "the proof's common name is no registration code"));
  wanted.grant.kind = GrantKind::authority;
  wanted.grant.id = info->fingerprint;
  // Nothing but the certificate: what is pasted may have a key beside it.
  wanted.grant.pem =
      security::certificate_pem(as_bytes(security::certificates_from_pem(wanted.pem).value().front()));
  wanted.grant.expires_at = unix_milliseconds(info->not_after);
  check_proof_certificate(std::move(actor), std::move(wanted), proof_id(*hash), std::move(done));
}

void Grants::check_proof_certificate(security::Actor actor, NewAuthority wanted, std::string code_id,
                                     Done<Grant> done) {
  load_document(code_id, [this, actor = std::move(actor), wanted = std::move(wanted), code_id,
                          done = std::move(done)](Result<Document> found) mutable {
    if (!found && found.error().code != Errc::not_found) return done(std::unexpected(found.error()));
    const bool open =
        found && boost::json::parse(found->body).at("expires_at").to_number<std::int64_t>() > now();
    if (!open)
      return done(fail(Errc::permission_denied,
                       "the proof's common name is no registration code that is open; ask for a new one"));
    store::Change spent = security::remove_change(DocumentKind::authority, tenant(), code_id);
    spent.expected_version = found->version;
    std::vector<store::Change> changes;
    changes.push_back(std::move(spent));
    add(std::move(actor), "authority.register", std::move(wanted.grant), std::move(changes), std::move(done));
  });
}

void Grants::make_code(security::Actor actor, Grant wanted, Done<Code> done) {
  auto text = security::make_code(parts().rng);
  wanted.kind = GrantKind::code;
  wanted.id = security::code_hash(text.view()).value();
  add(std::move(actor), "code.create", std::move(wanted), {},
      [text = std::move(text), done = std::move(done)](Result<Grant> grant) mutable {
        if (!grant) return done(std::unexpected(grant.error()));
        done(Code{std::move(text), *std::move(grant)});
      });
}

void Grants::make_claim(security::Actor actor, Grant wanted, std::string csr_pem, Done<Claim> done) {
  wanted.kind = GrantKind::claim;
  // The name is only for people: the register of things and certificates never learns it.
  security::DeviceCertificateRequest request{
      .thing_name = "claim-" + security::random_text(parts().rng, 9),
      .csr_pem = std::move(csr_pem),
      .lifetime = std::chrono::milliseconds{wanted.expires_at - now()}};
  parts().certificates.sign(
      parts().executor, actor, std::move(request),
      [this, actor, wanted = std::move(wanted),
       done = std::move(done)](Result<security::CertificateRegister::Signed> made) mutable {
        if (!made) return done(std::unexpected(made.error()));
        wanted.id = made->issued.info.fingerprint;
        wanted.pem = made->issued.certificate_pem;
        wanted.expires_at = unix_milliseconds(made->issued.info.not_after);
        // On record as what it is: no device's, and known to lists and OCSP.
        security::CertificateRecord record = security::make_record(
            made->issued.info, made->issued.certificate_pem, {}, parts().clock.wall_now());
        record.use = security::CertificateRecord::Use::claim;
        std::vector<store::Change> known;
        known.push_back(
            security::put_change(DocumentKind::certificate, tenant(), security::document_of(record), 0));
        add(std::move(actor), "claim.create", std::move(wanted), std::move(known),
            [issued = std::move(made->issued), done = std::move(done)](Result<Grant> grant) mutable {
              if (!grant) return done(std::unexpected(grant.error()));
              done(Claim{*std::move(grant), std::move(issued)});
            });
      });
}

void Grants::make_group(security::Actor actor, Grant wanted, Done<Grant> done) {
  wanted.kind = GrantKind::group;
  add(std::move(actor), "keygroup.create", std::move(wanted), {}, std::move(done));
}

security::Digest Grants::key_of(const Grant& group) const {
  return group_key(parts().secret, group.id, std::to_string(group.created_at));
}

}  // namespace dunlin::provision
