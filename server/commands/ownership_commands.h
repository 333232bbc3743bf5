#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `vernissage audit GALLERY [--head HASH]`
void add_audit_command(CLI::App& app);
/// `vernissage verify FILE.png [--gallery DIR | --key HEX]`
void add_verify_command(CLI::App& app);
/// `vernissage backup GALLERY OUT`
void add_backup_command(CLI::App& app);
/// `vernissage rotate-keys GALLERY [--drop-oldest]`
void add_rotate_keys_command(CLI::App& app);

}  // namespace vernissage
