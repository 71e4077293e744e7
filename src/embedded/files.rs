//! The small files and directories this module keeps: made private, handed to the right user, never through a link.
//!
//! As root, a new file is given to the owner of its directory, so that this user and root can share a data directory.
//! What the files mean is for `lock`, `log` and `location` to say.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use uuid::Uuid;

use crate::embedded::error::EmbeddedError;

const ID_FILE: &str = "postgres.id";
const ID_LENGTH: usize = 32;

/// Where a path leads, whether or not anything is there: absolute, links resolved. Makes nothing.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, EmbeddedError> {
    let failed = |error| EmbeddedError::file("look for", path)(error);
    // What exists, and the names below it that do not.
    let mut existing = std::path::absolute(path).map_err(failed)?;
    let mut missing: Vec<OsString> = Vec::new();
    loop {
        match existing.canonicalize() {
            Ok(mut resolved) => {
                resolved.extend(missing.iter().rev());
                return Ok(resolved);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let parent = existing.parent().unwrap_or(Path::new("/")).to_owned();
        // A link to what is missing, such as a disk that is not mounted. Links in a circle are another error.
        if let Ok(target) = fs::read_link(&existing) {
            existing = parent.join(target);
            continue;
        }
        let Some(name) = existing.file_name() else {
            return Err(failed(ErrorKind::NotFound.into()));
        };
        missing.push(name.to_owned());
        existing = parent;
    }
}

/// Makes the data directory where it is missing and says where it really is: absolute, links resolved.
pub fn prepare_data_directory(data_dir: &Path) -> Result<PathBuf, EmbeddedError> {
    let missing = !data_dir.exists();
    fs::create_dir_all(data_dir).map_err(EmbeddedError::file("create", data_dir))?;
    if missing && geteuid().is_root() {
        make_passable(data_dir)?;
    }
    data_dir.canonicalize().map_err(EmbeddedError::file("open", data_dir))
}

/// Lets other users through, but not look around: PostgreSQL runs as another user than root, and root's umask may be
/// strict.
pub(crate) fn make_passable(directory: &Path) -> Result<(), EmbeddedError> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o711))
        .map_err(EmbeddedError::file("change the mode of", directory))
}

/// A new directory, mode 0700 from its first moment on. It is an error if anything is there already.
pub(crate) fn create_private_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(directory)
}

/// Opens for reading and appending, and creates with mode 0600 where missing.
pub(crate) fn open_private(path: &Path) -> Result<File, EmbeddedError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            give_to_owner_of_directory(&file, path).map_err(EmbeddedError::file("change the owner of", path))?;
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            options.open(path).map_err(EmbeddedError::file("open", path))
        }
        Err(error) => Err(EmbeddedError::file("create", path)(error)),
    }
}

/// Opens for reading, never through a link.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)
}

/// Makes renames and new entries in a directory last through a power cut.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The random name by which things outside the data directory belong to it, if it has one already.
///
/// It becomes part of paths, so anything but 32 hexadecimal digits counts as none.
pub(crate) fn read_id(data_dir: &Path) -> Result<Option<String>, EmbeddedError> {
    let path = data_dir.join(ID_FILE);
    let mut text = String::new();
    let read = open_to_read(&path).and_then(|file| file.take(1024).read_to_string(&mut text));
    match read {
        Ok(_) => {
            let id = text.trim();
            let valid = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            Ok(valid.then(|| id.to_owned()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(EmbeddedError::file("read", &path)(error)),
    }
}

/// The same, made now where there is none. Called only under the transition lock.
pub(crate) fn read_or_make_id(data_dir: &Path) -> Result<String, EmbeddedError> {
    if let Some(id) = read_id(data_dir)? {
        return Ok(id);
    }
    let id = Uuid::new_v4().simple().to_string();
    replace_private(&data_dir.join(ID_FILE), &format!("{id}\n"))?;
    Ok(id)
}

/// Puts a text in the place of a file, or where there is none. Called only under the transition lock.
pub(crate) fn replace_private(path: &Path, text: &str) -> Result<(), EmbeddedError> {
    // Written aside and renamed, so that no kill leaves half of it.
    let aside = path.with_added_extension("new");
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(EmbeddedError::file("remove", &aside)(error));
        }
        _ => {}
    }
    let mut file = open_private(&aside)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&aside, path))
        .and_then(|()| sync_directory(path.parent().unwrap_or(Path::new("/"))))
        .map_err(EmbeddedError::file("write", path))
}

fn give_to_owner_of_directory(file: &File, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let directory = fs::metadata(path.parent().unwrap_or(Path::new("/")))?;
    fchown(file, Some(directory.uid()), Some(directory.gid()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::resolve;

    #[test]
    fn a_path_leads_to_the_same_place_whether_or_not_it_is_there() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        symlink("disk/inner", root.join("link")).unwrap();
        symlink(root.join("link"), root.join("link of link")).unwrap();
        let paths = ["disk/inner/data", "link/data", "link of link/data"].map(|path| root.join(path));
        for path in &paths {
            assert_eq!(resolve(path).unwrap(), paths[0], "nothing is there");
        }
        fs::create_dir_all(&paths[0]).unwrap();
        for path in &paths {
            assert_eq!(resolve(path).unwrap(), paths[0]);
        }
        symlink("circle", root.join("circle")).unwrap();
        assert!(resolve(&root.join("circle/data")).is_err());
        assert!(resolve("relative".as_ref()).unwrap().is_absolute());
    }
}
