-- Up to where is this partition worked through?
select next, 0 from rush.offsets where partition = $1
