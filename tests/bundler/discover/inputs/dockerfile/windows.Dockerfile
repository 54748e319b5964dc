# escape=`
# check=skip=all
FROM mcr.microsoft.com/windows/servercore:ltsc2022 AS base
RUN dir C:\`
    C:\Windows
COPY --from=mcr.microsoft.com/powershell:7.4-windowsservercore-ltsc2022 `
     C:\pwsh C:\pwsh\
